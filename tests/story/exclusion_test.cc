// Promise 2 of the product: a generation starts only when no older one can have an effect. The story itself checks all the time
// that no two generations live at once; here it is asked what the launcher waits for and what it says.
#include "base/text.h"
#include "launcher/core/status.h"
#include "tests/story/story.h"

namespace everstep {
namespace {

TEST(Exclusion, AGenerationThatCannotBeStoppedIsWaitedFor) {
  Story story({"n1", "n2", "n3"});
  const JobId train = story.Submit(Train(2, 1));
  story.Host("n2").unkillable = true;
  story.Told();
  story.RankEnds(train, 0, Killed(9));
  story.Pass(10min);
  EXPECT_EQ(story.Told(),
            (Lines{"rank 0 on n1 was killed by SIGKILL; generation 1 is stopped", "n1 reported generation 1 empty"}));
  story.Host("n2").unkillable = false;
  story.Pass(1s);
  EXPECT_EQ(story.Told().back(), "generation 2 starts: 2 ranks on 2 hosts; 10 min lost");
}

TEST(Exclusion, AHostThatWasCutOffAndComesBackAfterItsReplacementHasNothingOfTheOldGeneration) {
  Story story({"n1", "n2", "n3", "n4"});
  const JobId train = story.Submit(Train(3, 1));
  story.Cut({"n2"});
  story.Pass(20s);
  ASSERT_EQ(story.HostsOf(train), (Lines{"n1", "n4", "n3"}));
  story.Told();
  story.Heal({"n2"});
  EXPECT_EQ(story.Told(), (Lines{"n2 is back", "n2 is a spare of train-1 now"}));
  EXPECT_TRUE(story.Host("n2").gangs.empty()) << "forgotten once all about it is known";
  EXPECT_EQ(story.Job(train).generation, Generation(2));
}

TEST(Exclusion, AFrozenHostThatThawsIsFencedBeforeItsRanksTakeAnotherStep) {
  Story story({"n1", "n2", "n3", "n4"});
  const JobId train = story.Submit(Train(3, 1));
  story.Host("n2").frozen = true;
  story.Pass(20s);
  ASSERT_EQ(story.Job(train).generation, Generation(2));
  story.Host("n2").frozen = false;
  story.Host("n2").RunTimers(story.now().at, 4s);
  story.Heal({"n2"});
  EXPECT_EQ(story.Told().back(), "n2 is a spare of train-1 now");
}

TEST(Exclusion, AnOldGangThatOutlivedItsFenceIsStoppedAndItsHostIsNotUsedMeanwhile) {
  Story story({"n1", "n2", "n3"});
  const JobId train = story.Submit(Train(1));
  story.PowerOff("n1");
  story.Pass(10s);
  ASSERT_EQ(story.HostsOf(train), Lines{"n2"});
  // What must never be: the host comes back with the ranks alive, in the same boot.
  SimHost& n1 = story.Host("n1");
  n1.powered = n1.agent = true;
  n1.unkillable = true;
  n1.gangs.push_back(
      {.job = JobId("other-9"), .generation = Generation(7), .phase = GangPhase::running, .ranks = {{0, 1, {}}}});
  n1.acked = story.now().at;
  story.Heal({"n1"});
  EXPECT_EQ(n1.gangs.front().phase, GangPhase::stopping);
  EXPECT_EQ(n1.gangs.front().why, "this generation is over");
  story.Told();
  story.Submit(Train(2));
  EXPECT_EQ(story.Told().front(), "queued: needs 2 hosts, 1 fits: n1 still runs generation 7 of other-9; n2 works for train-1");
  n1.unkillable = false;
  story.Pass(1s);
  EXPECT_EQ(story.Told().back(), "generation 1 starts: 2 ranks on 2 hosts");
}

TEST(Exclusion, AnAgentWithANewStateDirectoryDoesNotKnowWhatItsHostRunsAndIsNoProof) {
  Story story({"n1", "n2", "n3"});
  const JobId train = story.Submit(Train(2));
  story.Told();
  story.AgentDies("n1");
  story.Host("n1").amnesia = true;
  story.AgentStarts("n1");
  EXPECT_EQ(story.Told()[1], "n1 has an agent with another state directory");
  story.Pass(4s);
  EXPECT_EQ(story.Job(train).generation, Generation(1)) << "the ranks on n1 live until their lease ends";
  story.Told();
  story.Pass(2s);
  const Lines told = story.Told();
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told.front(),
            "the agent that n1 had before is silent for 5 s, longer than its fence time of 4.9 s: its keeper has ended "
            "generation 1");
  EXPECT_EQ(story.Job(train).generation, Generation(2));
}

TEST(Exclusion, TheFenceHooksWordSufficesWhereSilenceDoesNotYet) {
  Policy slow;
  slow.fence_after = 1h;
  slow.fence_hook = true;
  Story story({"n1", "n2", "n3"}, slow);
  const JobId train = story.Submit(Train(2, 1));
  story.PowerOff("n2");
  story.Pass(10s);
  EXPECT_EQ(story.Phase(train), JobPhase::recovering);
  story.Told();
  story.FenceHookSays("n2", true);
  EXPECT_EQ(
      story.Told(),
      (Lines{"fence hook for n2 started: /usr/bin/off", "fence hook for n2 says that it is off",
             "the fence hook says that n2 is off", "counts as the host's failure",
             "n2 is lost: silent for 5 s, and 2 of 2 peers asked got no answer from it; n3 takes rank 1 from n2, from the "
             "start (no checkpoint yet) (restart 1 of 10)",
             "generation 2 starts: 2 ranks on 2 hosts; 10 s lost"}));
}

TEST(Exclusion, AFenceHookThatFailedProvesNothingAndOneOfAnOlderLossNeither) {
  Policy slow;
  slow.fence_after = 1h;
  Story story({"n1", "n2", "n3"}, slow);
  const JobId train = story.Submit(Train(2));
  story.Cut({"n2"});
  story.Pass(10s);
  story.FenceHookSays("n2", false);
  EXPECT_EQ(story.Phase(train), JobPhase::recovering);
  EXPECT_EQ(story.Job(train).generation, Generation(1));
  story.Host("n2").gangs.clear();  // a hook that kills what runs there, without a reboot
  story.FenceHookSays("n2", true);
  ASSERT_EQ(story.Job(train).generation, Generation(2)) << "n3 has taken over";
  story.Heal({"n2"});
  story.Cut({"n3"});
  story.Pass(10s);
  story.Host("n3").gangs.clear();
  story.FenceHookSays("n3", true);
  ASSERT_EQ(story.HostsOf(train), (Lines{"n1", "n2"}));
  story.Cut({"n2"});
  story.Heal({"n3"});
  story.Pass(10s);
  EXPECT_EQ(story.Job(train).generation, Generation(3)) << "the hook spoke of an earlier loss: n2 has been on since";
}

TEST(Exclusion, ALongFenceTimeIsWaitedOut) {
  Policy slow;
  slow.fence_after = 20s;
  Story story({"n1", "n2", "n3"}, slow);
  const JobId train = story.Submit(Train(2, 1));
  story.PowerOff("n2");
  story.Pass(22s);
  EXPECT_EQ(story.Job(train).generation, Generation(1)) << "20 s × 1.1 + 0.5 s are not over";
  story.Pass(1s);
  EXPECT_EQ(story.Job(train).generation, Generation(2));
}

// n3, n4 and n5 are three of five: together they may have kept each other's gangs alive until just now.
TEST(Exclusion, AHostThatCameBackIsNoWitnessForTheTimeBefore) {
  Story story({"n1", "n2", "n3", "n4", "n5"});
  const JobId train = story.Submit(Train(3, 1));
  story.Cut({"n3", "n4", "n5"});
  story.Pass(8s);
  story.Heal({"n5"});
  story.Pass(500ms);
  story.Heal({"n4"});
  story.Pass(4s);
  EXPECT_EQ(story.Job(train).generation, Generation(1)) << "n4 and n5 have not been heard for the fence time of 4.9 s";
  story.Pass(2s);
  EXPECT_EQ(story.Job(train).generation, Generation(2));
}

TEST(HalfRule, TwoOfFourSilentHostsAreNotEvictedAndTheOperatorIsTheWayOut) {
  Story story({"n1", "n2", "n3", "n4"});
  const JobId train = story.Submit(Train(3, 1));
  story.Told();
  story.Cut({"n2", "n3"});
  story.Pass(1min);
  const std::string held =
      "; not evicted: 2 of 4 hosts are silent (n2 and n3), which is not less than half, so the fault may be on this side; if ";
  const std::string lost = " is lost: silent for 5 s, and 2 of 2 peers asked got no answer from it";
  EXPECT_EQ(story.Told(), (Lines{"n2 is suspect: silent for 1.5 s", "n3 is suspect: silent for 1.5 s",
                                 Cat("n2", lost, held, "n2 is off, say: everstep node n2 --confirm-dead"),
                                 Cat("n3", lost, held, "n3 is off, say: everstep node n3 --confirm-dead")}));
  EXPECT_EQ(story.Phase(train), JobPhase::running);
  EXPECT_EQ(
      Explain(story.world(), story.now(), story.Job(train)).sentences.front(),
      Cat("running: generation 1 starts: 3 ranks on 3 hosts; n2", lost, held, "n2 is off, say: everstep node n2 --confirm-dead",
          "; n3", lost, held, "n3 is off, say: everstep node n3 --confirm-dead"))
      << "who asks about the job must not have to ask about its hosts too";
  EXPECT_EQ(story.ConfirmDead("n3"), "");
  EXPECT_EQ(story.ConfirmDead("n2"), "");
  story.Pass(1s);
  EXPECT_EQ(story.Told().back(), Cat("n2", lost, "; waits for a host in place of n3, which is lost"))
      << "without n3 the silent are less than half, so n2 is evicted without a word of ann's";
}

TEST(HalfRule, WhenOneOfTheSilentIsHeardAgainTheOtherIsEvicted) {
  Story story({"n1", "n2", "n3", "n4"});
  const JobId train = story.Submit(Train(2));
  story.Cut({"n2", "n3"});
  story.Pass(1min);
  ASSERT_EQ(story.Phase(train), JobPhase::running);
  story.Told();
  story.Heal({"n3"});
  story.Pass(10s);
  EXPECT_EQ(story.Job(train).generation, Generation(2));
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n3"}));
}

TEST(HalfRule, ARackOfThreeInAClusterOfSevenIsEvictedAndReplaced) {
  Story story({"n1", "n2", "n3", "n4", "n5", "n6", "n7"});
  const JobId train = story.Submit(Train(3, 3));
  story.Cut({"n1", "n2", "n3"});
  story.Pass(10s);
  EXPECT_EQ(story.HostsOf(train), (Lines{"n4", "n5", "n6"}));
  EXPECT_EQ(story.Phase(train), JobPhase::running);
}

TEST(HalfRule, ARackOfThreeWithOneSpareWaitsForHostsAndSaysForWhich) {
  Story story({"n1", "n2", "n3", "n4", "n5", "n6", "n7"});
  const JobId other = story.Submit(Train(3));
  const JobId train = story.Submit(Train(3, 1));
  ASSERT_EQ(story.HostsOf(train), (Lines{"n4", "n5", "n6"}));
  story.Cut({"n4", "n5", "n6"});
  story.Pass(10s);
  EXPECT_EQ(story.Phase(train), JobPhase::recovering);
  EXPECT_TRUE(story.Job(train).why.ends_with("; waits for a host in place of n5, which is lost")) << story.Job(train).why;
  EXPECT_EQ(story.Phase(other), JobPhase::running);
  story.Heal({"n4", "n5", "n6"});
  EXPECT_EQ(story.Phase(train), JobPhase::running);
}

// Lost one after the other, they were never half of the members at once; yet together they are more than half of the membership
// that the last of them knows, and reach each other: its keeper has no reason to kill.
TEST(HalfRule, HostsLostOneAfterTheOtherThatStillReachEachOtherAreNotReplacedBySilence) {
  Story story({"n1", "n2", "n3", "n4", "n5"});
  const JobId train = story.Submit(Train(1));
  ASSERT_EQ(story.HostsOf(train), Lines{"n1"});
  story.Cut({"n4", "n5"});
  story.Pass(4s);
  story.Cut({"n1"});
  story.Pass(30s);
  EXPECT_EQ(story.Job(train).generation, Generation(1));
  EXPECT_TRUE(story.Job(train).why.ends_with(
      "; waits: generation 1 may live on n1, which may reach more than half of the hosts it knows: it must report, come back "
      "rebooted, or be vouched for: everstep node n1 --confirm-dead"))
      << story.Job(train).why;
  story.Heal({"n1"});
  EXPECT_EQ(story.Phase(train), JobPhase::running);
}

// The two that are lost are half of what the last of them knows, which is not more than half: its keeper kills.
TEST(HalfRule, HalfOfTheMembershipThatIsHeardIsEnoughForSilenceToCount) {
  Story story({"n1", "n2", "n3", "n4"});
  const JobId train = story.Submit(Train(1));
  story.Cut({"n4"});
  story.Pass(4s);
  story.Cut({"n1"});
  story.Pass(30s);
  EXPECT_EQ(story.HostsOf(train), Lines{"n2"});
  EXPECT_EQ(story.Phase(train), JobPhase::running);
}

TEST(HalfRule, AHostThatKnowsOfTheEvictionsCannotCountOnThoseHosts) {
  Story story({"n1", "n2", "n3", "n4", "n5"});
  const JobId train = story.Submit(Train(1));
  story.Cut({"n4", "n5"});
  story.Pass(1min);
  story.Cut({"n1"});
  story.Pass(10s);
  EXPECT_EQ(story.Job(train).generation, Generation(2)) << "told of the membership of three, of which two are heard";
}

}  // namespace
}  // namespace everstep
