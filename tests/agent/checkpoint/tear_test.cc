#include "agent/checkpoint/tear.h"

#include <gtest/gtest.h>

#include "agent/checkpoint/watch.h"
#include "tests/agent/checkpoint/fixtures.h"

namespace everstep {
namespace {

TEST(NameOfNext, CountsTheStepInTheNameOn) {
  EXPECT_EQ(NameOfNext("step-40.pt", 40), "step-41.pt");
  EXPECT_EQ(NameOfNext("checkpoint-9", 9), "checkpoint-10");
  EXPECT_EQ(NameOfNext("iter_0000099", 99), "iter_0000100");
  EXPECT_EQ(NameOfNext("epoch=1-step=200.ckpt", 200), "epoch=1-step=201.ckpt");
  EXPECT_EQ(NameOfNext("v2-step-2.pt", 2), "v2-step-3.pt");
  EXPECT_EQ(NameOfNext("last.pt", 40), std::nullopt);
}

class Tear : public testing::Test {
 protected:
  // Looks until the newest checkpoint is told.
  std::vector<CheckpointSeen> Watch(int looks) {
    std::vector<CheckpointSeen> told;
    for (int i = 0; i < looks; ++i)
      for (CheckpointSeen& seen : watch_.Look()) told.push_back(std::move(seen));
    return told;
  }

  TempDir dir_;
  CheckpointSpec spec_{.dir = dir_.path()};
  GangKey gang_{.job = JobId("train-1"), .generation = Generation(1)};
  std::stop_source stop_;
  CheckpointWatch watch_{gang_, spec_, stop_.get_token()};
};

TEST_F(Tear, HalfOfTheNewestAppearsAndIsToldAsTorn) {
  Watch(1);
  Replace(dir_ / "step-30.pt", TorchFile(1));
  Replace(dir_ / "step-40.pt", TorchFile(2));
  Watch(3);
  const auto torn = TearCheckpoint(spec_, gang_);
  ASSERT_TRUE(torn) << torn.error().Str();
  EXPECT_EQ(*torn, "step-41.pt");
  EXPECT_EQ(ReadBack(dir_ / "step-41.pt").size(), TorchFile(2).size() / 2);
  EXPECT_EQ(ReadBack(dir_ / "step-40.pt"), TorchFile(2)) << "what was there is as it was";
  const auto told = Watch(CheckpointWatch::kPatience + 3);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].source, "step-41.pt");
  EXPECT_FALSE(told[0].complete);
}

TEST_F(Tear, NothingIsMadeWhereNothingIsPinned) {
  Watch(1);
  const auto torn = TearCheckpoint(spec_, gang_);
  ASSERT_FALSE(torn);
  EXPECT_EQ(torn.error().message, "no checkpoint of train-1 with a step in its name is there yet");
}

TEST_F(Tear, WhatHasTheNameIsLeftAloneAndTheNextOneTaken) {
  Watch(1);
  Replace(dir_ / "step-40.pt", TorchFile(2));
  Watch(3);
  Replace(dir_ / "step-41.pt", "the script's own");
  EXPECT_EQ(TearCheckpoint(spec_, gang_).value_or(""), "step-42.pt");
  EXPECT_EQ(ReadBack(dir_ / "step-41.pt"), "the script's own");
}

// A marker says whole whatever the files are: half of it would be taken for a checkpoint, and be resumed from.
TEST_F(Tear, WhereHalfOfOneLooksWholeNoneIsMade) {
  CheckpointSpec marked{.dir = dir_.path(), .complete_when = {.kind = CompleteWhenKind::marker, .pattern = "DONE"}};
  CheckpointWatch watch(gang_, marked, stop_.get_token());
  watch.Look();
  Replace(dir_ / "ckpt-10/weights.bin", std::string(5000, 'w'));
  Replace(dir_ / "ckpt-10/DONE", "");
  for (int i = 0; i < 3; ++i) watch.Look();
  const auto torn = TearCheckpoint(marked, gang_);
  ASSERT_FALSE(torn);
  EXPECT_TRUE(torn.error().message.starts_with("half of one cannot be told from a whole one here")) << torn.error().message;
  EXPECT_EQ(Names(dir_.path()), (std::vector<std::string>{".everstep", "ckpt-10"}));
  EXPECT_EQ(Names(dir_ / ".everstep"), (std::vector<std::string>{"pins"})) << "nothing half done is left";
}

}  // namespace
}  // namespace everstep
