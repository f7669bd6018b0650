#include "agent/checkpoint/verify_resume.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <functional>

#include "agent/checkpoint/facts.h"
#include "tests/agent/checkpoint/fixtures.h"

namespace everstep {
namespace {

class Resume : public testing::Test {
 protected:
  CheckpointSeen Registered(const std::string& source) {
    const Survey survey = *SurveyOf(dir_ / source);
    return {.source = source, .complete = true, .path = dir_ / source, .files = *FactsOf(dir_ / source, survey)};
  }
  std::string Why(const CheckpointSeen& resume) {
    const std::optional<NotReadied> refused = VerifyResume(resume, {.dir = dir_.path()});
    EXPECT_EQ(refused.value_or(NotReadied{.refusal = Refusal::checkpoint}).refusal, Refusal::checkpoint);
    return refused ? refused->why : "here as registered";
  }
  TempDir dir_;
};

TEST(Facts, TheDigestCoversBothEndsAndNothingBetween) {
  const TempDir dir;
  std::string bytes(300 << 10, 'x');
  const auto digest = [&] {
    Overwrite(dir / "f", bytes);
    return FactsOf(dir / "f", "")->digest;
  };
  const std::string before = digest();
  EXPECT_EQ(before.size(), 32u);
  bytes[100 << 10] = 'y';
  EXPECT_EQ(digest(), before);
  bytes[0] = 'y';
  EXPECT_NE(digest(), before);
  bytes[0] = 'x', bytes.back() = 'y';
  EXPECT_NE(digest(), before);
  bytes = "ab";
  const std::string small = digest();
  bytes = "ba";
  EXPECT_NE(digest(), small);
  bytes.clear();
  EXPECT_EQ(digest(), "99aa06d3014798d86001c324468d497f") << "XXH3-128 of nothing";
}

TEST_F(Resume, WhatIsHereAsRegisteredIsReadyAndAddedFilesDoNotMatter) {
  Overwrite(dir_ / "step-40.pt", TorchFile());
  Overwrite(dir_ / "step-41/a/model.pt", TorchFile());
  EXPECT_EQ(Why(Registered("step-40.pt")), "here as registered");
  const CheckpointSeen directory = Registered("step-41");
  Overwrite(dir_ / "step-41/notes.txt", "converted");
  EXPECT_EQ(Why(directory), "here as registered");
}

TEST_F(Resume, EveryDifferenceIsRefusedAndNamed) {
  struct Row {
    std::string name;
    std::function<void(const std::string& path)> change;
    std::string why;
  };
  const Row rows[] = {
      {"cut", [](const std::string& path) { std::filesystem::resize_file(path, 1000); }, "size 1000 bytes, registered "},
      {"replaced", [](const std::string& path) { Replace(path, TorchFile()); }, ": another file of that name"},
      {"rewritten", [](const std::string& path) { Overwrite(path, TorchFile(2)); }, "written to since it was registered"},
      {"deleted", [](const std::string& path) { std::filesystem::remove(path); }, " is not here"},
      {"forged",
       [](const std::string& path) {
         struct stat before {};
         stat(path.c_str(), &before);
         Overwrite(path, TorchFile(2));
         const timespec times[] = {before.st_atim, before.st_mtim};
         utimensat(AT_FDCWD, path.c_str(), times, 0);
       },
       "contents differ from those registered"},
      {"a link",
       [](const std::string& path) {
         std::filesystem::rename(path, path + ".real");
         std::filesystem::create_symlink(path + ".real", path);
       },
       " is a symbolic link"},
  };
  for (const Row& row : rows)
    for (const std::string name : {"", "/model.pt"}) {
      std::filesystem::remove_all(dir_ / "step-40");
      Overwrite(dir_ / ("step-40" + name), TorchFile());
      // The clock of the file system ticks every few milliseconds: an older time makes the change visible at once.
      const timespec old[] = {{.tv_sec = 1000, .tv_nsec = 0}, {.tv_sec = 1000, .tv_nsec = 0}};
      utimensat(AT_FDCWD, (dir_ / ("step-40" + name)).c_str(), old, 0);
      const CheckpointSeen registered = Registered("step-40");
      row.change(dir_ / ("step-40" + name));
      const std::string why = Why(registered);
      EXPECT_TRUE(why.starts_with("step-40" + name + ": ") && why.find(row.why) != std::string::npos)
          << row.name << ": " << why;
    }
}

TEST_F(Resume, ADirectoryThatIsNotMountedHereSaysSo) {
  Overwrite(dir_ / "step-40.pt", TorchFile());
  const CheckpointSeen resume = Registered("step-40.pt");
  const std::optional<NotReadied> refused = VerifyResume(resume, {.dir = "/everstep-no-such-mount/run1"});
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->why, "checkpoint dir /everstep-no-such-mount/run1 is not here: every host of the job must see it");
}

}  // namespace
}  // namespace everstep
