#include "tests/story/story.h"

namespace everstep {
namespace {

TEST(HostLoss, ASilentHostIsReplacedByTheSpareAndTheJobResumesFromItsNewestCheckpoint) {
  Story story({"n1", "n2", "n3", "n4"});
  const JobId train = story.Submit(Train(3, 1));
  story.Saves(train, "step-40.pt", 40);
  story.Told();
  story.PowerOff("n2");
  story.Pass(20s);
  EXPECT_EQ(
      story.Told(),
      (Lines{"n2 is suspect: silent for 1.5 s", "n2 is lost: silent for 5 s, and 3 of 3 peers asked got no answer from it",
             "n2 is lost: silent for 5 s, and 3 of 3 peers asked got no answer from it; generation 1 is stopped",
             "n2 is silent for 5 s, longer than its fence time of 4.9 s: its keeper has ended generation 1",
             "n1 reported generation 1 empty", "n3 reported generation 1 empty", "counts as the host's failure",
             "n2 is lost: silent for 5 s, and 3 of 3 peers asked got no answer from it; n4 takes rank 1 from n2, resuming "
             "from step 40 (restart 1 of 10)",
             "generation 2 starts: 3 ranks on 3 hosts; 5 s lost"}));
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n4", "n3"})) << "healthy hosts keep their ranks";
}

TEST(HostLoss, WithoutASpareTheJobWaitsAndGoesOnWhenTheHostIsBack) {
  Story story({"n1", "n2", "n3"});
  const JobId train = story.Submit(Train(3));
  story.Saves(train, "step-40.pt", 40);
  story.Cut({"n2"});
  story.Pass(20s);
  EXPECT_EQ(story.Phase(train), JobPhase::recovering);
  EXPECT_EQ(
      story.Told().back(),
      "n2 is lost: silent for 5 s, and 2 of 2 peers asked got no answer from it; waits for a host in place of n2, which is "
      "lost");
  story.Pass(10min);
  EXPECT_EQ(story.Told(), Lines{}) << "waiting is said once";
  story.Heal({"n2"});
  EXPECT_EQ(
      story.Told(),
      (Lines{"n2 is back",
             "n2 is lost: silent for 5 s, and 2 of 2 peers asked got no answer from it; all hosts go on in place, resuming "
             "from step 40 (restart 1 of 10)",
             "generation 2 starts: 3 ranks on 3 hosts; 10 min 20 s lost"}));
}

TEST(HostLoss, WithoutASpareAHostThatComesBackRebootedServesAgain) {
  Story story({"n1", "n2", "n3"});
  const JobId train = story.Submit(Train(3));
  story.PowerOff("n2");
  story.Pass(1min);
  story.Told();
  story.PowerOn("n2");
  EXPECT_EQ(
      story.Told(),
      (Lines{"n2 is back after a reboot",
             "n2 is lost: silent for 5 s, and 2 of 2 peers asked got no answer from it; all hosts go on in place, from the "
             "start (no checkpoint yet) (restart 1 of 10)",
             "generation 2 starts: 3 ranks on 3 hosts; 1 min lost"}));
}

TEST(HostLoss, AHostThatWasRebootedBeforeItWasFoundLostIsNamedAsTheCause) {
  Story story({"n1", "n2", "n3"});
  const JobId train = story.Submit(Train(3));
  story.Told();
  story.PowerOff("n2");
  story.RankEnds(train, 0, ExitCode(1, "RuntimeError: Connection reset by peer"));
  story.Pass(3s);
  EXPECT_EQ(
      story.Told(),
      (Lines{"rank 0 on n1 exited with code 1: RuntimeError: Connection reset by peer, which tells of a failure elsewhere; "
             "generation 1 is stopped",
             "n1 reported generation 1 empty", "n3 reported generation 1 empty", "n2 is suspect: silent for 1.5 s"}));
  story.PowerOn("n2");
  EXPECT_EQ(story.Told(),
            (Lines{"n2 was rebooted", "n2 was rebooted; this is what broke generation 1", "n2 came back with a new boot id",
                   "counts as the host's failure",
                   "n2 was rebooted; all hosts go on in place, from the start (no checkpoint yet) (restart 1 of 10)",
                   "generation 2 starts: 3 ranks on 3 hosts; 3 s lost"}));
}

TEST(HostLoss, AHostThatTurnsOutToBeLostIsTheCauseOfItsPeersFailures) {
  Story story({"n1", "n2", "n3", "n4"});
  const JobId train = story.Submit(Train(3, 1));
  story.Told();
  story.PowerOff("n2");
  story.RankEnds(train, 0, ExitCode(1, "RuntimeError: Connection reset by peer"));
  story.RankEnds(train, 2, ExitCode(1, "RuntimeError: Connection reset by peer"));
  story.Pass(6s);
  const Lines told = story.Told();
  ASSERT_GE(told.size(), 4u);
  EXPECT_EQ(told[told.size() - 2],
            "n2 is lost: silent for 5 s, and 3 of 3 peers asked got no answer from it; n4 takes rank 1 from n2, from the start "
            "(no checkpoint yet) (restart 1 of 10)");
  EXPECT_EQ(story.Job(train).fruitless, 0u) << "the code is not to blame";
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n4", "n3"}));
}

TEST(HostLoss, AHostThatIsLostWhileItPreparesIsReplaced) {
  Story story({"n1", "n2", "n3"});
  story.Host("n2").prepares = false;
  const JobId train = story.Submit(Train(2, 1));
  story.PowerOff("n2");
  story.Pass(10s);
  EXPECT_EQ(story.Phase(train), JobPhase::running);
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n3"}));
}

TEST(HostLoss, ALinkThatHealsBeforeTheHostIsLostDisturbsNothing) {
  Story story({"n1", "n2", "n3"});
  const JobId train = story.Submit(Train(3));
  story.Told();
  story.Cut({"n2"});
  story.Pass(3s);
  story.Heal({"n2"});
  story.Pass(1min);
  EXPECT_EQ(story.Told(), (Lines{"n2 is suspect: silent for 1.5 s", "n2 is heard again after 3.5 s"}));
  EXPECT_EQ(story.Job(train).generation, Generation(1));
}

TEST(HostLoss, AHostThatOnlyThePeersReachIsNotLost) {
  Story story({"n1", "n2", "n3"});
  const JobId train = story.Submit(Train(3));
  story.Told();
  story.Host("n2").wire = false;
  story.Pass(1min);
  EXPECT_EQ(story.Phase(train), JobPhase::running);
  EXPECT_EQ(story.Job(train).generation, Generation(1));
  EXPECT_EQ(story.Told().front(), "n2 is suspect: silent for 1.5 s");
}

TEST(HostLoss, AnAgentThatComesBackWithinItsTimeKeepsItsRanks) {
  Story story({"n1", "n2", "n3"});
  const JobId train = story.Submit(Train(3));
  story.Told();
  story.AgentDies("n2");
  story.Pass(3s);
  story.AgentStarts("n2");
  story.Pass(10s);
  EXPECT_EQ(story.Told(), (Lines{"n2 is suspect: its session ended (connection reset by peer)", "n2 opened a new session"}));
  EXPECT_EQ(story.Job(train).generation, Generation(1));
}

TEST(HostLoss, AnAgentThatStaysAwayLosesItsHostAndTheKeeperHasFencedTheRanks) {
  Story story({"n1", "n2", "n3"});
  const JobId train = story.Submit(Train(2, 1));
  story.Told();
  story.AgentDies("n2");
  story.Pass(15s);
  const Lines told = story.Told();
  ASSERT_GE(told.size(), 2u);
  EXPECT_EQ(told[1], "n2 is lost: its agent has been down for 5 s (host up: connection refused, seen by the launcher)");
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n3"}));
}

TEST(HostLoss, ALostSpareIsSaidAndAnotherOneTakesItsPlace) {
  Story story({"n1", "n2", "n3"});
  const JobId train = story.Submit(Train(2, 1));
  story.Told();
  story.PowerOff("n3");
  story.Pass(10s);
  EXPECT_EQ(story.Told(), (Lines{"n3 is suspect: silent for 1.5 s",
                                 "n3 is lost: silent for 5 s, and 2 of 2 peers asked got no answer from it",
                                 "n3 is no spare of train-1 any more: it is lost"}));
  story.Up("n4");
  EXPECT_EQ(story.Told(), (Lines{"n4 joined from n4:7470", "n4 is a spare of train-1 now"}));
  EXPECT_EQ(story.Job(train).generation, Generation(1));
}

TEST(HostLoss, ASpareThatIsSuspectWhenItIsNotNeededStaysASpare) {
  Story story({"n1", "n2", "n3", "n4"});
  const JobId train = story.Submit(Train(2, 1));
  story.Cut({"n3"});
  story.Pass(2s);
  story.RankEnds(train, 0, Killed(9));
  story.Pass(1s);
  EXPECT_EQ(story.Job(train).generation, Generation(2));
  EXPECT_EQ(story.Job(train).spares, std::vector<NodeId>{NodeId("n3")});
}

TEST(HostLoss, AnOperatorsWordReplacesAHostAtOnce) {
  Story story({"n1", "n2", "n3", "n4"});
  const JobId train = story.Submit(Train(3, 1));
  EXPECT_EQ(story.ConfirmDead("n2"), "n2 is alive: its agent is connected and beats; to take it out of work: `everstep drain`");
  EXPECT_EQ(story.ConfirmDead("n9"), "there is no host \"n9\"; known: n1, n2, n3 and n4; `everstep nodes` lists them");
  story.PowerOff("n2");
  story.Pass(2s);
  story.Told();
  EXPECT_EQ(story.ConfirmDead("n2", "ann@login1"), "");
  EXPECT_EQ(
      story.Told(),
      (Lines{"n2 is dead: confirmed by ann@login1", "n2 is dead: confirmed by ann@login1",
             "n2 is dead: confirmed by ann@login1; generation 1 is stopped", "n1 reported generation 1 empty",
             "n3 reported generation 1 empty", "counts as the host's failure",
             "n2 is dead: confirmed by ann@login1; n4 takes rank 1 from n2, from the start (no checkpoint yet) (restart 1 "
             "of 10)",
             "generation 2 starts: 3 ranks on 3 hosts; 2 s lost"}));
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n4", "n3"}));
}

}  // namespace
}  // namespace everstep
