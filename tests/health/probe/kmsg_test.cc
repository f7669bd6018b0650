// The kernel's log as records: who wrote them, what was overwritten, and what comes later.
#include "health/probe/kmsg.h"

#include <gtest/gtest.h>

#include <fstream>
#include <vector>

#include "tests/health/probe/tree.h"

namespace everstep::health {
namespace {

TEST(Kmsg, ARecordTellsItsNumberItsTimeAndWhoWroteIt) {
  const auto record = ParseRecord("6,52740,36282214410,-;lab0: port 2(n1) entered forwarding state");
  ASSERT_TRUE(record);
  EXPECT_EQ(record->number, 52740u);
  EXPECT_EQ(record->at, 36282214410);
  EXPECT_FALSE(record->by_program);
  EXPECT_EQ(record->text, "lab0: port 2(n1) entered forwarding state");
  EXPECT_TRUE(ParseRecord("12,7,1,-;NVRM: Xid (PCI:0000:18:00): 79, by hand")->by_program);
}

TEST(Kmsg, WhatIsNoRecordIsNone) {
  for (const char* line :
       {"", " SUBSYSTEM=net", "no semicolon", "6,1;short", "6,x,1,-;number", "6,1,99999999999999999999,-;time"})
    EXPECT_FALSE(ParseRecord(line)) << line;
}

TEST(Kmsg, ALogThatGrowsIsReadFromWhereItWas) {
  Tree tree("== /kmsg\n6,1,5,-;one\n");
  auto kmsg = Kmsg::Open(tree.root() + "/kmsg");
  ASSERT_TRUE(kmsg);
  std::vector<std::string> heard;
  const auto take = [&](const KernelRecord& record) { heard.push_back(record.text); };
  kmsg->ReadNew(take);
  std::ofstream(tree.root() + "/kmsg", std::ios::app) << "6,2,6,-;tw";
  kmsg->ReadNew(take);  // a line that is not finished waits
  EXPECT_EQ(heard, std::vector<std::string>{"one"});
  std::ofstream(tree.root() + "/kmsg", std::ios::app) << "o\n6,5,7,-;five\n";
  kmsg->ReadNew(take);
  EXPECT_EQ(heard, (std::vector<std::string>{"one", "two", "five"}));
  EXPECT_EQ(kmsg->overrun(), 2u);  // three and four
}

TEST(Kmsg, ALogThatCannotBeOpenedSaysWhy) {
  const auto kmsg = Kmsg::Open("/nowhere/kmsg");
  ASSERT_FALSE(kmsg);
  EXPECT_EQ(kmsg.error().message, "cannot read the kernel's log /nowhere/kmsg: No such file or directory");
}

}  // namespace
}  // namespace everstep::health
