#include "tests/story/story.h"

namespace everstep {
namespace {

InjectFault KillRank(const JobId& job, std::uint32_t rank) {
  return {.job = job, .generation = Generation(1), .kind = FaultKind::rank_kill, .rank = rank, .by = "ann@login1"};
}

TEST(Drill, IsOnRecordAndCostsARestartButProvesNothingAgainstTheCode) {
  Story story({"n1", "n2"});
  JobSpec spec = Train(2);
  spec.restart.no_progress = 1;  // a failure of the code would end it
  const JobId train = story.Submit(spec);
  story.Told();
  EXPECT_EQ(story.Drill(KillRank(train, 1)), "");
  story.RankEnds(train, 1, Killed(9));
  EXPECT_EQ(story.Told(),
            (Lines{
                "a drill of ann@login1: rank 1 on n2 is killed",
                "rank 1 on n2 was killed by SIGKILL; generation 1 is stopped",
                "n2 reported generation 1 empty",
                "n1 reported generation 1 empty",
                "a drill: counts against the budget only",
                "rank 1 on n2 was killed by SIGKILL; all hosts go on in place, from the start (no checkpoint yet) "
                "(restart 1 of 10); its words: everstep logs train-1 --rank 1 --generation 1 --tail 50",
                "generation 2 starts: 2 ranks on 2 hosts",
            }));
  EXPECT_EQ(story.Job(train).incidents.back().blame.means, "a drill of ann@login1: rank 1 on n2 is killed");
}

TEST(Drill, TheGenerationAfterItIsJudgedAsEver) {
  Story story({"n1"});
  JobSpec spec = Train(1);
  spec.restart.no_progress = 1;
  const JobId train = story.Submit(spec);
  story.Drill(KillRank(train, 0));
  story.RankEnds(train, 0, Killed(9));
  ASSERT_EQ(story.Phase(train), JobPhase::running);
  story.RankEnds(train, 0, Killed(9));
  EXPECT_EQ(story.Phase(train), JobPhase::failed) << "this one nobody ordered";
}

TEST(Drill, WhatBreaksElsewhereOrLateIsNotItsDoing) {
  for (const bool late : {false, true}) {
    Story story({"n1", "n2"});
    JobSpec spec = Train(2);
    spec.restart.no_progress = 1;
    const JobId train = story.Submit(spec);
    story.Drill({.job = train, .generation = Generation(1), .kind = FaultKind::freeze, .rank = 1, .lasts = 1s});
    story.Pass(late ? 70s : 20s);
    story.RankEnds(train, late ? 1 : 0, ExitCode(1, "ValueError: the script's own"));
    EXPECT_EQ(story.Phase(train), JobPhase::failed);
    EXPECT_EQ(story.Job(train).incidents.back().blame.kind, BlameClass::code);
  }
}

TEST(Drill, OneAtATimeAndNoneThatWouldEndTheJob) {
  Story story({"n1", "n2"});
  JobSpec spec = Train(2);
  spec.restart.budget = 1;
  const JobId train = story.Submit(spec);
  InjectFault fault = KillRank(train, 1);
  fault.dry_run = true;
  EXPECT_EQ(story.Drill(KillRank(train, 1)), "");
  EXPECT_EQ(story.Drill(KillRank(train, 0)),
            "train-1 has a drill already: a drill of ann@login1: rank 1 on n2 is killed; it is over in 5 s");
  story.RankEnds(train, 1, Killed(9));
  fault.generation = Generation(2);
  EXPECT_EQ(story.Drill(fault), "train-1 has no restart left (restart.budget: 1 within 6 h): a drill would end it");
}

TEST(Drill, WhatCannotBeDoneIsRefusedWithTheReason) {
  Story story({"n1", "n2", "n3"});
  const JobId train = story.Submit(Train(2));
  InjectFault fault = KillRank(train, 2);
  EXPECT_EQ(story.Drill(fault), "train-1 has no rank 2; its ranks are 0 to 1");
  fault.rank = 0;
  fault.generation = Generation(4);
  EXPECT_EQ(story.Drill(fault), "train-1 is in generation 1 by now, the drill was for 4");
  fault.generation = Generation(1);
  fault.kind = FaultKind::freeze;
  EXPECT_EQ(story.Drill(fault), "lasts: found 0 s, legal: more than 0, at most 10 min");
  fault.kind = FaultKind::hang;
  fault.lasts = 1min;
  EXPECT_EQ(story.Drill(fault),
            "a hang of train-1 would not be noticed: its hangs are noticed after 40 min, this one lasts 1 min; set "
            "progress.hang_after in the job file to less than the drill lasts");
  const JobId waits = story.Submit(Train(2));
  EXPECT_EQ(story.Drill(KillRank(waits, 0)), "train-2 is queued: a drill is for a job that runs");
  story.Told();
  EXPECT_EQ(story.Drill(KillRank(JobId("nobody"), 0)), "there is no job \"nobody\"; `everstep jobs --all` lists them");
  EXPECT_EQ(story.Told(), Lines{});
}

TEST(Drill, AHostThatIsNotHeardIsNotDisturbedFurther) {
  Story story({"n1", "n2", "n3"});
  const JobId train = story.Submit(Train(3));
  story.Cut({"n2"});
  story.Pass(3s);
  EXPECT_EQ(story.Drill(KillRank(train, 1)), "n2, which has rank 1, is not heard now");
}

TEST(Drill, HalfACheckpointNeedsAWholeOneBefore) {
  Story story({"n1"});
  JobSpec spec = Train(1);
  InjectFault fault = KillRank(JobId("train-1"), 0);
  fault.kind = FaultKind::checkpoint_torn;
  spec.checkpoint.reset();
  const JobId without = story.Submit(spec);
  EXPECT_EQ(story.Drill(fault), "train-1 has no checkpoint directory (checkpoint.dir)");
  story.Cancel(without);
  const JobId train = story.Submit(Train(1));
  fault.job = train;
  EXPECT_EQ(story.Drill(fault), "train-2 has no checkpoint yet with a step in its name, to make half of one of");
  story.Saves(train, "step-40.pt", 40);
  EXPECT_EQ(story.Drill(fault), "");
}

}  // namespace
}  // namespace everstep
