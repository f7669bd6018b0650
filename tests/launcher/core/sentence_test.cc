#include "launcher/core/sentence.h"

#include <gtest/gtest.h>

namespace everstep {
namespace {

std::vector<NodeId> Hosts(std::size_t count) {
  std::vector<NodeId> hosts;
  for (std::size_t i = 1; i <= count; ++i) hosts.emplace_back(Cat("n", i));
  return hosts;
}

TEST(Sentences, ForeignWordsBecomeOnePrintableLineWithinTheLimit) {
  EXPECT_EQ(Said("  two\nlines\x1b[31m and a\ttab "), "two lines?[31m and a tab");
  EXPECT_EQ(Said(std::string(10'000, 'x')).size(), 300u);
  EXPECT_LE(Sentence(std::string(5'000, 'x'), "ü").size(), limit::kWhyBytes);
}

TEST(Sentences, TheUserIsNamedEvenIfNobodySaidWho) {
  EXPECT_EQ(Who("ann@login1"), "ann@login1");
  EXPECT_EQ(Who(""), "an unknown user");
  EXPECT_EQ(Who(std::string(500, 'x')).size(), 100u);
}

TEST(Sentences, ManyHostsAreCountedNotListed) {
  EXPECT_EQ(NamesOf(Hosts(1)), "n1");
  EXPECT_EQ(NamesOf(Hosts(3)), "n1, n2 and n3");
  EXPECT_EQ(NamesOf(Hosts(8)), "n1, n2, n3, n4, n5, n6, n7 and n8");
  EXPECT_EQ(NamesOf(Hosts(100)), "n1, n2, n3, n4, n5, n6, n7, n8 and 92 more");
}

TEST(Sentences, ManyReasonsAreCutToTheFirst) {
  EXPECT_EQ(FirstOf({"a", "b"}), "a; b");
  EXPECT_EQ(FirstOf(std::vector<std::string>(10, "a"), ", "), "a, a, a, a, a, a, a, a and 2 more");
}

}  // namespace
}  // namespace everstep
