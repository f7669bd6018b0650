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
             "n2 is lost: silent for 5 s, and 3 of 3 peers asked got no answer from it",
             "n2 is lost and silent for 5 s, longer than its fence time of 4.9 s", "n1 reported generation 1 empty",
             "n3 reported generation 1 empty", "n2 is lost: silent for 5 s, and 3 of 3 peers asked got no answer from it",
             "n2 is lost: silent for 5 s, and 3 of 3 peers asked got no answer from it; n4 takes node rank 1 from n2, "
             "resuming from step 40 (restart 1 of 10)",
             "generation 2 starts: 3 ranks on 3 hosts"}));
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n4", "n3"}));
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
  story.Heal({"n2"});
  EXPECT_EQ(
      story.Told(),
      (Lines{"n2 is back",
             "n2 is lost: silent for 5 s, and 2 of 2 peers asked got no answer from it; all hosts go on in place, resuming "
             "from step 40 (restart 1 of 10)",
             "generation 2 starts: 3 ranks on 3 hosts"}));
}

TEST(HostLoss, AHostThatWasRebootedBeforeItWasFoundLostIsNamedAsTheCause) {
  Story story({"n1", "n2", "n3"});
  const JobId train = story.Submit(Train(3));
  story.Told();
  story.PowerOff("n2");
  story.RankEnds(train, 0, ExitCode(1, "RuntimeError: Connection reset by peer"));
  story.Pass(3s);
  EXPECT_EQ(story.Told(),
            (Lines{"rank 0 on n1 exited with code 1: RuntimeError: Connection reset by peer", "n1 reported generation 1 empty",
                   "n3 reported generation 1 empty", "n2 is suspect: silent for 1.5 s"}));
  story.PowerOn("n2");
  EXPECT_EQ(story.Told(),
            (Lines{"n2 was rebooted", "n2 was rebooted", "n2 came back with a new boot id", "n2 was rebooted",
                   "n2 was rebooted; all hosts go on in place, from the start (no checkpoint yet) (restart 1 of 10)",
                   "generation 2 starts: 3 ranks on 3 hosts"}));
}

TEST(HostLoss, AHostThatTurnsOutToBeLostIsTheCauseOfItsPeersFailures) {
  Story story({"n1", "n2", "n3", "n4"});
  const JobId train = story.Submit(Train(3, 1));
  story.Told();
  story.PowerOff("n2");
  story.RankEnds(train, 0, ExitCode(1, "RuntimeError: Connection reset by peer"));
  story.RankEnds(train, 2, ExitCode(1, "RuntimeError: Connection reset by peer"));
  story.Pass(6s);
  EXPECT_EQ(story.Told().back(), "generation 2 starts: 3 ranks on 3 hosts");
  EXPECT_EQ(story.Job(train).broken, "");
  EXPECT_EQ(story.Job(train).fruitless, 0u) << "the code is not to blame";
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n4", "n3"}));
}

TEST(HostLoss, AnOperatorsWordReplacesAHostAtOnce) {
  Story story({"n1", "n2", "n3", "n4"});
  const JobId train = story.Submit(Train(3, 1));
  story.Told();
  EXPECT_EQ(story.ConfirmDead("n2"),
            "n2 is alive: its agent is connected and beats; to take it out of work, stop its agent first");
  EXPECT_EQ(story.ConfirmDead("n9"), "no host n9 has ever joined; everstep nodes lists all hosts");
  story.PowerOff("n2");
  story.Pass(2s);
  story.Told();
  EXPECT_EQ(story.ConfirmDead("n2", "ann@login1"), "");
  EXPECT_EQ(story.Told(),
            (Lines{"n2 is dead: confirmed by ann@login1", "n2 is dead: confirmed by ann@login1",
                   "n2 is dead: confirmed by ann@login1", "n1 reported generation 1 empty", "n3 reported generation 1 empty",
                   "n2 is dead: confirmed by ann@login1",
                   "n2 is dead: confirmed by ann@login1; n4 takes node rank 1 from n2, from the start (no checkpoint yet) "
                   "(restart 1 of 10)",
                   "generation 2 starts: 3 ranks on 3 hosts"}));
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n4", "n3"}));
}

}  // namespace
}  // namespace everstep
