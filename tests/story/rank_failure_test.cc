#include "base/text.h"
#include "tests/story/story.h"

namespace everstep {
namespace {

TEST(RankFailure, AKilledRankIsRestartedInPlaceFromTheNewestCheckpoint) {
  Story story({"n1", "n2"});
  const JobId train = story.Submit(Train(2));
  story.Saves(train, "step-20.pt", 20);
  story.Saves(train, "step-40.pt", 40);
  story.Told();
  story.RankEnds(train, 1, Killed(9));
  EXPECT_EQ(story.Told(),
            (Lines{"rank 1 on n2 was killed by SIGKILL; generation 1 is stopped", "n2 reported generation 1 empty",
                   "n1 reported generation 1 empty", "counts as failure 1 of 3 (class unknown)",
                   "rank 1 on n2 was killed by SIGKILL; all hosts go on in place, resuming from step 40 (restart 1 "
                   "of 10); its words: everstep logs train-1 --rank 1 --generation 1 --tail 50",
                   "generation 2 starts: 2 ranks on 2 hosts"}));
  const GangSpec& spec = story.Host("n2").specs.at({train, Generation(2)});
  ASSERT_TRUE(spec.resume);
  EXPECT_EQ(spec.resume->source, "step-40.pt");
  EXPECT_EQ(spec.command, (Lines{"python3", "train.py", "--resume", "{resume}"}));
}

TEST(RankFailure, TheKilledRankIsTheCulpritThoughItsPeersWordCameFirst) {
  Story story({"n1", "n2"});
  const JobId train = story.Submit(Train(2));
  story.Told();
  story.RankEnds(train, 0, ExitCode(1, "Traceback\n[rank0]: RuntimeError: Connection closed by peer [10.0.0.2]:3"));
  EXPECT_EQ(story.Told(), Lines{}) << "the cause may be on its way";
  story.Pass(200ms);
  story.RankEnds(train, 1, Killed(9));
  EXPECT_EQ(story.Told().front(), "rank 1 on n2 was killed by SIGKILL; generation 1 is stopped");
}

TEST(RankFailure, TheCulpritIsFoundEvenWhenTheVictimsWordBrokeTheGeneration) {
  Story story({"n1", "n2"});
  const JobId train = story.Submit(Train(2));
  story.Told();
  story.Host("n2").obeys_term = false;
  story.RankEnds(train, 0, ExitCode(1, "RuntimeError: Connection closed by peer [10.0.0.2]:3"));
  story.Pass(600ms);
  EXPECT_EQ(story.Told().front(),
            "rank 0 on n1 exited with code 1: RuntimeError: Connection closed by peer [10.0.0.2]:3, which tells of a failure "
            "elsewhere; generation 1 is stopped");
  story.RankEnds(train, 1, Killed(9, true));
  EXPECT_EQ(
      story.Told(),
      (Lines{"n2 reported generation 1 empty",
             "counts as failure 1 of 3 (class oom): rank 1 on n2 was killed by SIGKILL (out of memory)",
             "rank 1 on n2 was killed by SIGKILL (out of memory); all hosts go on in place, from the start (no checkpoint "
             "yet) (restart 1 of 10); its words: everstep logs train-1 --rank 1 --generation 1 --tail 50",
             "generation 2 starts: 2 ranks on 2 hosts; 600 ms lost"}));
}

TEST(RankFailure, AVictimWithoutACauseIsTakenAtItsWordAfterHalfASecond) {
  Story story({"n1", "n2"});
  const JobId train = story.Submit(Train(2));
  story.RankEnds(train, 0, ExitCode(1, "RuntimeError: Connection closed by peer"));
  story.AgentDies("n1");
  story.Pass(3s);  // its word does not count while it is away, and nothing spins
  story.AgentStarts("n1");
  story.Pass(1s);
  EXPECT_EQ(story.Job(train).generation, Generation(2));
}

TEST(RankFailure, RanksThatIgnoreTheSignalAreKilledAfterTheShortGraceOfARecovery) {
  Story story({"n1", "n2"});
  const JobId train = story.Submit(Train(2));
  story.Host("n2").obeys_term = false;
  story.RankEnds(train, 0, Killed(9));
  story.Pass(200ms);
  EXPECT_EQ(story.Job(train).generation, Generation(1));
  story.Pass(100ms);
  EXPECT_EQ(story.Job(train).generation, Generation(2));
}

TEST(RankFailure, TheSameErrorAtTheSameStepTwiceEndsTheJobWithItsWords) {
  Story story({"n1", "n2"});
  const JobId train = story.Submit(Train(2));
  const RankExit boom = ExitCode(3, "Traceback (most recent call last):\nValueError: boom at 0x7f12\n");
  story.Saves(train, "step-40.pt", 40);
  story.Step(train, 47);
  story.RankEnds(train, 1, boom);
  ASSERT_EQ(story.Job(train).generation, Generation(2));
  story.Step(train, 47);
  story.Told();
  story.RankEnds(train, 1, ExitCode(3, "ValueError: boom at 0x8a34\n"));
  EXPECT_EQ(story.Told(),
            (Lines{"rank 1 on n2 exited with code 3: ValueError: boom at 0x8a34; generation 2 is stopped",
                   "n2 reported generation 2 empty", "n1 reported generation 2 empty",
                   "counts as failure 2 of 3 (class code); gives up: the same failure twice at step 47",
                   "rank 1 on n2 exited with code 3: ValueError: boom at 0x8a34; gave up: the same failure twice at step 47"}));
  EXPECT_EQ(story.Phase(train), JobPhase::failed);
  EXPECT_EQ(story.Job(train).exit_code, 3u);
}

TEST(RankFailure, ARankThatIsKilledFromOutsideTwiceAtTheSameStepIsNotTheCode) {
  Story story({"n1", "n2"});
  const JobId train = story.Submit(Train(2));
  for (int i = 0; i < 2; ++i) {
    story.Step(train, 47);
    story.RankEnds(train, 1, Killed(9));
  }
  EXPECT_EQ(story.Phase(train), JobPhase::running);
}

TEST(RankFailure, ThreeFailuresWithoutANewerCheckpointOrStepEndTheJob) {
  Story story({"n1", "n2"});
  const JobId train = story.Submit(Train(2));
  story.Saves(train, "step-40.pt", 40);
  story.RankEnds(train, 0, ExitCode(1, "KeyError: 'a'"));  // after a new checkpoint: the count begins here
  story.RankEnds(train, 0, ExitCode(1, "KeyError: 'b'"));
  ASSERT_EQ(story.Phase(train), JobPhase::running);
  story.Told();
  story.RankEnds(train, 0, ExitCode(1, "KeyError: 'c'"));
  EXPECT_EQ(story.Told().back(),
            "rank 0 on n1 exited with code 1: KeyError: 'c'; gave up: 3 failures in a row without a newer checkpoint or step "
            "(restart.no_progress: 3)");
}

TEST(RankFailure, ProgressBetweenFailuresKeepsTheJobGoingUntilTheBudgetIsUsedUp) {
  Story story({"n1", "n2"});
  JobSpec spec = Train(2);
  spec.restart.budget = 4;
  const JobId train = story.Submit(spec);
  for (std::uint64_t i = 1; i <= 4; ++i) {
    story.Saves(train, Cat("step-", 10 * i, ".pt"), 10 * i);
    story.RankEnds(train, 0, ExitCode(1, "KeyError: 'a'"));
    ASSERT_EQ(story.Phase(train), JobPhase::running) << i;
  }
  story.Saves(train, "step-50.pt", 50);
  story.RankEnds(train, 0, ExitCode(1, "KeyError: 'a'"));
  EXPECT_EQ(story.Told().back(),
            "rank 0 on n1 exited with code 1: KeyError: 'a'; gave up: the restart budget is used up: 4 of 4 within 6 h");
  EXPECT_EQ(story.Job(train).exit_code, 1u);
}

TEST(RankFailure, RestartsOlderThanTheWindowAreForgotten) {
  Story story({"n1", "n2"}, {}, 1s);
  JobSpec spec = Train(2);
  spec.restart.budget = 1;
  spec.restart.window = 1h;
  spec.restart.no_progress = 100;
  const JobId train = story.Submit(spec);
  story.RankEnds(train, 0, Killed(9));
  story.Pass(61min);
  story.RankEnds(train, 0, Killed(9));
  EXPECT_EQ(story.Phase(train), JobPhase::running);
  story.RankEnds(train, 0, Killed(9));
  EXPECT_EQ(story.Phase(train), JobPhase::failed);
}

TEST(RankFailure, AnExitCodeThatIsListedAsNoRestartEndsTheJobAtOnce) {
  Story story({"n1", "n2"});
  JobSpec spec = Train(2);
  spec.restart.no_restart = {1, 93};
  const JobId train = story.Submit(spec);
  story.RankEnds(train, 0, ExitCode(93));
  EXPECT_EQ(story.Told().back(), "rank 0 on n1 exited with code 93; gave up: exit code 93 is listed as no_restart");
  EXPECT_EQ(story.Job(train).exit_code, 93u);
}

TEST(RankFailure, NoRestartIsAboutExitCodesAndNotAboutLostHosts) {
  Story story({"n1", "n2", "n3"});
  JobSpec spec = Train(2, 1);
  spec.restart.no_restart = {1};
  const JobId train = story.Submit(spec);
  story.PowerOff("n2");
  story.Pass(10s);
  EXPECT_EQ(story.Phase(train), JobPhase::running);
}

TEST(RankFailure, AnExitCodeThatBlamesTheHostMovesTheRankToAnother) {
  Story story({"n1", "n2", "n3"});
  JobSpec spec = Train(2);
  spec.restart.new_host = {16};
  const JobId train = story.Submit(spec);
  story.Told();
  story.RankEnds(train, 1, ExitCode(16, "RuntimeError: CUDA error: uncorrectable ECC error encountered"));
  EXPECT_EQ(story.Told()[3], "counts as the host's failure (class gpu)");
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n3"}));
  story.RankEnds(train, 1, ExitCode(16));
  EXPECT_EQ(story.Told().back(),
            "rank 1 on n3 exited with code 16; waits for a host in place of n3, which failed this job before");
}

TEST(RankFailure, AFailureAfterOtherRanksWereDoneEndsTheJob) {
  Story story({"n1", "n2"});
  const JobId train = story.Submit(Train(2));
  story.RankEnds(train, 0, ExitCode(0));
  story.Told();
  story.RankEnds(train, 1, ExitCode(1, "RuntimeError: cannot upload the model"));
  EXPECT_EQ(story.Told(),
            (Lines{"rank 1 on n2 exited with code 1: RuntimeError: cannot upload the model; other ranks were done "
                   "already, so it is not restarted",
                   "n1 reported generation 1 empty", "n2 reported generation 1 empty",
                   "rank 1 on n2 exited with code 1: RuntimeError: cannot upload the model; other ranks were done "
                   "already, so it is not restarted; all its processes are gone"}));
  EXPECT_EQ(story.Phase(train), JobPhase::failed);
}

TEST(RankFailure, ARankThatIsKilledFromOutsideAfterOthersWereDoneIsRestarted) {
  Story story({"n1", "n2"});
  const JobId train = story.Submit(Train(2));
  story.RankEnds(train, 0, ExitCode(0));
  story.RankEnds(train, 1, Killed(9));
  EXPECT_EQ(story.Job(train).generation, Generation(2));
  EXPECT_EQ(story.Phase(train), JobPhase::running);
}

TEST(RankFailure, ATakenMasterPortAtStartUpIsAnotherPortAndNoFailure) {
  Story story({"n1", "n2"});
  const JobId train = story.Submit(Train(2));
  story.Told();
  const std::string words =
      "torch.distributed.DistNetworkError: The server socket has failed to listen on any local network address. port: 20000, "
      "useIpv6: 0, code: -98, name: EADDRINUSE, message: address already in use";
  story.RankEnds(train, 0, ExitCode(1, words));
  const Lines told = story.Told();
  ASSERT_EQ(told.size(), 6u);
  EXPECT_EQ(told[3], "counts as no failure: another port will do");
  EXPECT_TRUE(
      told[4].ends_with("; all hosts go on in place, from the start (no checkpoint yet) (port 20001 now, no restart is "
                        "counted); its words: everstep logs train-1 --rank 0 --generation 1 --tail 50"))
      << told[4];
  EXPECT_EQ(story.Job(train).restarts_total, 0u);
  story.RankEnds(train, 0, ExitCode(1, "OSError: [Errno 98] Address already in use: 0.0.0.0:6006"));
  EXPECT_EQ(story.Job(train).fruitless, 1u) << "a port of the script's own is the script's failure";
}

TEST(RankFailure, RanksThatTheAgentStoppedOnItsOwnAreNotCalledDone) {
  Story story({"n1", "n2"});
  const JobId train = story.Submit(Train(2));
  story.Told();
  SimHost& n2 = story.Host("n2");
  GangStatus& gang = *n2.Newest(train);
  gang.ranks[0].exit = RankExit{.code = 0, .stopped_by_us = true};
  gang.phase = GangPhase::empty;
  gang.why = "the agent is shutting down";
  story.Reports("n2");
  EXPECT_EQ(story.Told().front(), "n2 stopped its ranks: the agent is shutting down; generation 1 is stopped");
}

TEST(RankFailure, AKeeperThatVanishedWithItsRanksIsTheHostsFailure) {
  Story story({"n1", "n2"});
  const JobId train = story.Submit(Train(2));
  story.Told();
  story.Host("n2").gangs.clear();
  story.Reports("n2");
  const Lines told = story.Told();
  EXPECT_EQ(told.front(), "n2 does not know its gang any more; generation 1 is stopped");
  EXPECT_EQ(story.Job(train).generation, Generation(2));
  EXPECT_EQ(story.Job(train).fruitless, 0u);
}

TEST(RankFailure, AVictimAfterOtherRanksWereDoneIsRestarted) {
  Story story({"n1", "n2"});
  const JobId train = story.Submit(Train(2));
  story.RankEnds(train, 1, ExitCode(0));
  story.RankEnds(train, 0, ExitCode(1, "RuntimeError: Connection reset by peer"));
  story.Pass(1s);
  EXPECT_EQ(story.Job(train).generation, Generation(2)) << "it tells of a failure elsewhere, which may be a host's";
}

TEST(RankFailure, TwoFailuresInTheSameMomentAreOneFailure) {
  Story story({"n1", "n2"});
  JobSpec spec = Train(2);
  spec.processes_per_node = 4;
  const JobId train = story.Submit(spec);
  story.Host("n1").EndRank(story.now().at, train, 2, Killed(11));
  story.Host("n1").EndRank(story.now().at, train, 3, ExitCode(1, "RuntimeError: Broken pipe"));
  story.Host("n2").EndRank(story.now().at, train, 6, ExitCode(1, "RuntimeError: Broken pipe"));
  story.Told();
  story.Reports("n2");
  story.Reports("n1");
  EXPECT_EQ(story.Job(train).generation, Generation(2));
  EXPECT_EQ(story.Job(train).restarts_total, 1u);
  const Lines told = story.Told();
  EXPECT_TRUE(told[told.size() - 2].starts_with("rank 2 on n1 was killed by SIGSEGV: ") ||
              told[told.size() - 2].starts_with("rank 2 on n1 was killed by SIGSEGV; "))
      << told[told.size() - 2];
}

TEST(RankFailure, AHostIsToldWhenTheJobHasNoMoreBusinessThereAndNotWhileItMayGoOn) {
  Story story({"n1", "n2", "n3"});
  JobSpec spec = Train(2, 1);
  spec.restart.new_host = {16};
  spec.restart.warm = {"torch"};
  const JobId train = story.Submit(spec);
  EXPECT_EQ(story.Host("n1").specs.at({train, Generation(1)}).warm, Lines{"torch"});
  story.RankEnds(train, 1, Killed(9));
  story.Pass(2s);
  for (const char* name : {"n1", "n2"}) EXPECT_TRUE(story.Host(name).left_for_good.empty()) << name;
  story.RankEnds(train, 1, ExitCode(16));
  story.Pass(2s);
  ASSERT_EQ(story.HostsOf(train), (Lines{"n1", "n3"}));
  EXPECT_TRUE(story.Host("n2").left_for_good.contains(train));
  EXPECT_TRUE(story.Host("n1").left_for_good.empty());
  story.AllRanksEnd(train, ExitCode(0));
  story.Pass(2s);
  for (const char* name : {"n1", "n3"}) EXPECT_TRUE(story.Host(name).left_for_good.contains(train)) << name;
}

TEST(Retry, APauseWhileAHostThatWasLeftCouldBeForgivenLeavesNoDeadlineInThePast) {
  Story story({"n1", "n2"});
  JobSpec spec = Train(1);
  spec.restart.new_host = {42};
  spec.restart.no_progress = 100;
  const JobId train = story.Submit(spec);
  story.RankEnds(train, 0, ExitCode(42));
  ASSERT_EQ(story.HostsOf(train), Lines{"n2"});
  story.Pass(6min);
  for (std::uint64_t failures = 0; story.Phase(train) == JobPhase::running && failures < 10; ++failures)
    story.RankEnds(train, 0, ExitCode(1, Cat("ValueError: ", std::string(failures + 1, 'x'), "\n")));
  ASSERT_EQ(story.Phase(train), JobPhase::recovering) << "it pauses";
  story.Pass(2min);  // the story looks at every deadline
  EXPECT_EQ(story.Phase(train), JobPhase::running);
}

}  // namespace
}  // namespace everstep
