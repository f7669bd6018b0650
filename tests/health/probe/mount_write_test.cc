// The file that a look at a mount writes is never left behind, whenever the look is killed.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>

#include "base/text.h"
#include "health/probe/probes.h"
#include "tests/health/probe/tree.h"

namespace everstep::health {
namespace {

using Names = std::set<std::string>;

Names Files(const std::string& directory) {
  Names names;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) names.insert(entry.path().filename());
  return names;
}

class Watched : public Sink {
 public:
  explicit Watched(std::function<void(const std::string&)> waiting = {}) : waiting_(std::move(waiting)) {}
  void Take(Reading reading) override { readings[reading.check] = std::move(reading); }
  void Waiting(std::string what) override {
    if (waiting_) waiting_(what);
  }
  std::map<std::string, Reading> readings{};

 private:
  std::function<void(const std::string&)> waiting_;
};

TEST(MountWrite, AKillInAnyStepAfterTheFileIsMadeLeavesNothing) {
  const Tree tree("== /data/mine\n\n");
  const std::string data = tree.root() + "/data";
  Names steps;
  Watched sink([&](const std::string& what) {
    const std::string step = what.substr(0, what.find('('));
    if (step != "write" && step != "fsync" && step != "read") return;
    steps.insert(step);
    EXPECT_EQ(Files(data), Names{"mine"}) << "a kill in " << step << " would leave a file";
  });
  ProbeMount(Root("/"), data, PathUse::checkpoint, sink);
  EXPECT_EQ(steps, (Names{"fsync", "read", "write"}));
  EXPECT_EQ(sink.readings["mount.writable"].word, "yes") << sink.readings["mount.writable"].evidence;
  EXPECT_EQ(Files(data), Names{"mine"});
}

TEST(MountWrite, ADirectoryOfCheckpointsThatTheJobWillMakeIsJudgedWhereItWillBe) {
  const Tree tree("== /data/mine\n\n");
  Watched sink;
  ProbeMount(Root("/"), tree.root() + "/data/run1/ckpt", PathUse::checkpoint, sink);
  EXPECT_EQ(sink.readings["mount.writable"].word, "yes") << sink.readings["mount.writable"].evidence;
  EXPECT_EQ(sink.readings["mount.writable"].scope, tree.root() + "/data/run1/ckpt");
  EXPECT_TRUE(sink.readings["mount.space"].number);
  EXPECT_EQ(Files(tree.root() + "/data"), Names{"mine"}) << "nothing is made there";
  Watched plain;
  ProbeMount(Root("/"), tree.root() + "/data/run1", PathUse::plain, plain);
  EXPECT_EQ(plain.readings["mount.writable"].word, "no") << "who names a path means that path";
}

// As old as that, by the clock of who keeps the file.
void Age(const std::string& path, std::int64_t seconds) {
  struct stat is {};
  ASSERT_EQ(::stat(path.c_str(), &is), 0);
  const timespec at{.tv_sec = is.st_mtim.tv_sec - seconds, .tv_nsec = 0}, both[] = {at, at};
  ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), both, 0), 0);
}

TEST(MountWrite, WhatAnEarlierLookHasLeftIsSweptAndNothingElse) {
  const Tree tree(
      "== /data/.everstep-check-1-old\neverstep\n== /data/.everstep-check-2-young\neverstep\n== "
      "/data/.everstep-check-3-large\n" +
      std::string(200, 'x') +
      "\n== /data/.everstep-check-4-link -> ../elsewhere\n== /data/.everstep-check-5-folder/file\n\n== "
      "/data/mine\n\n");
  const std::string data = tree.root() + "/data";
  for (const char* name : {"/.everstep-check-1-old", "/.everstep-check-3-large", "/.everstep-check-5-folder", "/mine"})
    Age(data + name, 7200);
  Age(data + "/.everstep-check-2-young", 1800);
  Watched sink;
  ProbeMount(Root("/"), data, PathUse::checkpoint, sink);
  EXPECT_EQ(Files(data), (Names{".everstep-check-2-young", ".everstep-check-3-large", ".everstep-check-4-link",
                                ".everstep-check-5-folder", "mine"}));
}

TEST(MountWrite, BesideTrainingDataNothingIsSweptEither) {
  const Tree tree("== /data/.everstep-check-1-old\neverstep\n");
  Age(tree.root() + "/data/.everstep-check-1-old", 7200);
  Watched sink;
  ProbeMount(Root("/"), tree.root() + "/data", PathUse::data, sink);
  EXPECT_EQ(Files(tree.root() + "/data"), Names{".everstep-check-1-old"});
}

}  // namespace
}  // namespace everstep::health
