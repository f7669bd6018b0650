#include "tests/story/story.h"

namespace everstep {
namespace {

JobSpec Watched(std::uint32_t nodes, std::optional<Duration> hang_after) {
  JobSpec spec = Train(nodes);
  spec.progress.hang_after = hang_after;
  return spec;
}

TEST(Hang, RanksThatTellOfNoNewStepAreStartedAgain) {
  Story story({"n1", "n2"});
  const JobId train = story.Submit(Watched(2, 1min));
  story.Saves(train, "step-40.pt", 40);
  story.Step(train, 47);
  story.Pass(59s);
  story.Told();
  EXPECT_EQ(story.Job(train).generation, Generation(1));
  story.Pass(5s);
  EXPECT_EQ(story.Told(),
            (Lines{
                "its ranks hang: no new step for 1 min, the last was 47 (progress.hang_after); generation 1 is stopped",
                "n1 reported generation 1 empty",
                "n2 reported generation 1 empty",
                "counts as failure 1 of 3",
                "its ranks hang: no new step for 1 min, the last was 47 (progress.hang_after); all hosts go on in place, "
                "resuming from "
                "step 40 (restart 1 of 10)",
                "generation 2 starts: 2 ranks on 2 hosts; 7 steps and 1 min lost",
            }));
}

TEST(Hang, EachNewStepBeginsTheTimeAnew) {
  Story story({"n1", "n2"});
  const JobId train = story.Submit(Watched(2, 1min));
  for (std::uint64_t step = 1; step < 20; ++step) {
    story.Step(train, step);
    story.Pass(50s);
  }
  EXPECT_EQ(story.Job(train).generation, Generation(1));
}

TEST(Hang, WhatTellsOfNoStepHasItsTime) {
  Story story({"n1"});
  const JobId train = story.Submit(Watched(1, 1min));
  story.Pass(2h);
  EXPECT_EQ(story.Job(train).generation, Generation(1)) << "it may be loading its data";
}

TEST(Hang, OffIsNever) {
  Story story({"n1"});
  const JobId train = story.Submit(Watched(1, 0s));
  story.Step(train, 1);
  story.Pass(24h);
  EXPECT_EQ(story.Job(train).generation, Generation(1));
}

TEST(Hang, ByItselfItWaitsLongerThanCollectivesDo) {
  Story story({"n1"}, {}, 1s);
  const JobId train = story.Submit(Train(1));
  story.Step(train, 1);
  story.Pass(39min);
  EXPECT_EQ(story.Job(train).generation, Generation(1));
  story.Pass(2min);
  EXPECT_EQ(story.Job(train).generation, Generation(2));
}

TEST(Hang, ByItselfItGivesSlowStepsAHundredOfThem) {
  Story story({"n1"}, {}, 1s);
  const JobId train = story.Submit(Train(1));
  story.Host("n1").Newest(train)->progress = Progress{.step = 3, .step_time = 2min};
  story.Reports("n1");
  story.Pass(3h);
  EXPECT_EQ(story.Job(train).generation, Generation(1));
  story.Pass(21min);
  EXPECT_EQ(story.Job(train).generation, Generation(2));
}

// What is not heard of may be going on.
TEST(Hang, AHostThatWasCutOffHasItsTimeAnew) {
  Story story({"n1", "n2", "n3"});
  const JobId train = story.Submit(Watched(3, 6s));
  story.Step(train, 5);
  story.Pass(4s);
  story.Cut({"n2"});
  story.Pass(3s);
  story.Heal({"n2"});
  story.Pass(3s);
  EXPECT_EQ(story.Job(train).generation, Generation(1)) << "it was silent when the six seconds were over";
  story.Pass(6s);
  EXPECT_EQ(story.Job(train).generation, Generation(2));
}

TEST(Hang, ALauncherThatComesBackHasSeenNothingYet) {
  Story story({"n1", "n2"});
  const JobId train = story.Submit(Watched(2, 10s));
  story.Step(train, 5);
  story.Pass(8s);
  story.RestartLauncher();
  story.Pass(6s);
  EXPECT_EQ(story.Job(train).generation, Generation(1));
  story.Pass(10s);
  EXPECT_EQ(story.Job(train).generation, Generation(2));
}

TEST(Hang, OneThatHangsEachTimeAtTheSameStepIsGivenUp) {
  Story story({"n1"});
  const JobId train = story.Submit(Watched(1, 10s));
  for (int i = 0; i < 4 && story.Phase(train) == JobPhase::running; ++i) {
    story.Step(train, 7);
    story.Pass(12s);
  }
  EXPECT_EQ(story.Phase(train), JobPhase::failed);
  EXPECT_NE(story.Job(train).why.find("its ranks hang"), std::string::npos) << story.Job(train).why;
}

}  // namespace
}  // namespace everstep
