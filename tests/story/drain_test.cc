// Hosts that an operator takes out of work.
#include "base/text.h"
#include "launcher/core/incidents.h"
#include "launcher/core/status.h"
#include "tests/story/story.h"

namespace everstep {
namespace {

NodeView View(const Story& story, const std::string& node) {
  return ViewOf(story.world(), story.now(), story.world().state.nodes.at(NodeId(node)));
}
JobView View(const Story& story, const JobId& job) { return ViewOf(story.world(), story.now(), story.Job(job)); }

TEST(Drain, ADrainedHostGetsNothingNewAndTheWaitingJobSaysWho) {
  Story story({"n1", "n2", "n3"});
  EXPECT_EQ(story.Drain("n2", "ecc"), "");
  EXPECT_EQ(story.Told(), Lines{"n2 is drained by ann@login1: ecc"});
  story.Pass(2h);
  const JobId train = story.Submit(Train(3));
  EXPECT_EQ(story.Phase(train), JobPhase::queued);
  EXPECT_EQ(View(story, train).why, "needs 3 hosts, 2 fit: n2 drained by ann@login1: ecc (2 h)");
  EXPECT_EQ(View(story, "n2").phase, NodePhase::drained);
  EXPECT_EQ(View(story, "n2").why, "drained by ann@login1: ecc (2 h)");
  story.Told();
  EXPECT_EQ(story.Undrain("n2"), "");
  EXPECT_EQ(story.Told().front(), "n2 may be given work again: undrained by ann@login1");
  EXPECT_EQ(story.Phase(train), JobPhase::running);
}

TEST(Drain, AHostThatWorksIsDrainingUntilItsJobEnds) {
  Story story({"n1", "n2"});
  const JobId train = story.Submit(Train(2));
  EXPECT_EQ(story.Drain("n2", ""), "");
  story.Pass(10s);
  EXPECT_EQ(story.Phase(train), JobPhase::running);
  EXPECT_EQ(story.Job(train).generation, Generation(1));
  EXPECT_EQ(View(story, "n2").phase, NodePhase::draining);
  EXPECT_EQ(View(story, "n2").role, "rank 1");
  EXPECT_EQ(Explain(story.world(), story.now(), story.Job(train)).sentences.at(1),
            "n2 is drained by ann@login1 (10 s); it keeps the job until that ends or starts anew, and gets no other");
  story.AllRanksEnd(train, ExitCode(0));
  EXPECT_EQ(story.Phase(train), JobPhase::done);
  EXPECT_EQ(View(story, "n2").phase, NodePhase::drained);
}

TEST(Drain, ARestartLeavesTheDrainedHost) {
  Story story({"n1", "n2", "n3"});
  const JobId train = story.Submit(Train(2));
  story.Drain("n2", "ecc");
  story.Told();
  story.RankEnds(train, 0, Killed(9));
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n3"}));
}

TEST(Drain, ARestartWaitsRatherThanUseADrainedHost) {
  Story story({"n1", "n2"});
  const JobId train = story.Submit(Train(2));
  story.Drain("n2", "ecc");
  story.RankEnds(train, 0, Killed(9));
  EXPECT_EQ(story.Phase(train), JobPhase::recovering);
  EXPECT_EQ(story.Job(train).why,
            "rank 0 on n1 was killed by SIGKILL; waits for a host in place of n2, which is drained by ann@login1: ecc");
  story.Pass(1h);
  EXPECT_EQ(story.Phase(train), JobPhase::recovering) << "nobody but an operator undoes it";
  story.Undrain("n2");
  EXPECT_EQ(story.Phase(train), JobPhase::running);
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n2"}));
}

TEST(Drain, NowMovesTheJobAtNoCost) {
  Story story({"n1", "n2", "n3"});
  JobSpec spec = Train(2);
  spec.restart.budget = 0;
  const JobId train = story.Submit(spec);
  story.Saves(train, "step-40.pt", 40);
  story.Step(train, 47);
  story.Told();
  EXPECT_EQ(story.Drain("n2", "ecc", true), "");
  EXPECT_EQ(
      story.Told(),
      (Lines{"n2 is drained by ann@login1: ecc; what it has moves to other hosts at once",
             "n2 is drained by ann@login1: ecc: its work moves to another host; generation 1 is stopped",
             "n1 reported generation 1 empty", "n2 reported generation 1 empty",
             "counts as no failure: its host is out of work",
             "n2 is drained by ann@login1: ecc: its work moves to another host; n3 takes rank 1 from n2, resuming from step "
             "40 (no restart is counted)",
             "generation 2 starts: 2 ranks on 2 hosts; 7 steps lost"}));
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n3"}));
  EXPECT_EQ(story.Job(train).restarts_total, 0u);
  EXPECT_EQ(story.Job(train).fruitless, 0u);
  const IncidentView incident = *View(story, train).incident;
  EXPECT_EQ(incident.blame, BlameClass::preemption);
  EXPECT_EQ(incident.node, NodeId("n2"));
  EXPECT_EQ(incident.steps_lost, 7u);
}

TEST(Drain, NowAlsoMovesWhatIsOnlyPreparingAndASecondWordMayHurryAFirst) {
  Story story({"n1", "n2", "n3"});
  story.Host("n2").prepares = false;
  const JobId train = story.Submit(Train(2));
  ASSERT_EQ(story.Phase(train), JobPhase::preparing);
  story.Drain("n2", "ecc");
  EXPECT_EQ(story.Job(train).generation, Generation(1)) << "it was placed before: that is what it has";
  story.Drain("n2", "ecc", true);
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n3"}));
  EXPECT_EQ(story.Phase(train), JobPhase::running);
}

TEST(Drain, ADrainedSpareIsGivenBackAndAnotherHostIsOne) {
  Story story({"n1", "n2", "n3"});
  const JobId train = story.Submit(Train(1, 1));
  ASSERT_EQ(story.Job(train).spares, std::vector{NodeId("n2")});
  story.Told();
  story.Drain("n2", "fan");
  EXPECT_EQ(story.Told(), (Lines{"n2 is drained by ann@login1: fan", "n2 is no spare of train-1 any more: it is drained",
                                 "n3 is a spare of train-1 now"}));
}

TEST(Drain, AnOperatorsWordOutlivesLossRebootAndLauncher) {
  Story story({"n1", "n2", "n3"});
  story.Drain("n2", "ecc");
  story.PowerOff("n2");
  story.Pass(10s);
  EXPECT_EQ(View(story, "n2").phase, NodePhase::lost);
  EXPECT_TRUE(View(story, "n2").why.ends_with("; drained by ann@login1: ecc (10 s)")) << View(story, "n2").why;
  story.PowerOn("n2");
  story.RestartLauncher();
  story.Pass(2s);
  EXPECT_EQ(View(story, "n2").phase, NodePhase::drained);
  EXPECT_EQ(View(story, "n2").drain->reason, "ecc");
}

TEST(Drain, AJobThatOnlyADrainedHostCouldHoldBlocksNobody) {
  Story story({"n1", "n2"});
  story.Drain("n2", "ecc");
  const JobId big = story.Submit(Train(2));
  const JobId small = story.Submit(Train(1));
  EXPECT_EQ(story.Job(big).why,
            "needs 2 hosts, more than the cluster has while hosts are out of work: it waits aside and blocks nobody");
  EXPECT_EQ(story.Phase(small), JobPhase::running);
}

TEST(Drain, AnUnknownHostIsAnErrorThatNamesThoseLikeIt) {
  Story story({"gpu-1", "gpu-2", "gpu-17", "login"});
  EXPECT_EQ(story.Drain("gpu-71", ""),
            "there is no host \"gpu-71\"; known: gpu-1, gpu-2, gpu-17 and login; `everstep nodes` lists them");
  EXPECT_EQ(story.Undrain("logn"),
            "there is no host \"logn\"; known: login, gpu-1, gpu-2 and gpu-17; `everstep nodes` lists them");
  Story none({});
  EXPECT_EQ(none.Drain("n1", ""), "there is no host \"n1\"; none has ever joined; `everstep nodes` lists them");
}

TEST(Drain, SayingItAgainWithoutAReasonKeepsTheReason) {
  Story story({"n1"});
  story.Drain("n1", "fan is loud");
  story.Told();
  EXPECT_EQ(story.Drain("n1", ""), "");
  EXPECT_EQ(story.Told(), Lines{});
  EXPECT_EQ(story.Drain("n1", "", true), "");
  EXPECT_EQ(story.Told(), Lines{"n1 is drained by ann@login1: fan is loud; what it has moves to other hosts at once"});
}

TEST(Drain, SayingItAgainChangesNothingAndAnotherReasonTakesTheOldOnesPlace) {
  Story story({"n1"});
  story.Drain("n1", "ecc");
  story.Pass(1h);
  story.Told();
  story.Drain("n1", "ecc");
  EXPECT_EQ(story.Told(), Lines());
  story.Drain("n1", "two\nlines");
  EXPECT_EQ(story.Told(), Lines{"n1 is drained by ann@login1: two lines"});
  EXPECT_EQ(View(story, "n1").why, "drained by ann@login1: two lines (1 h)");
  story.Undrain("n1");
  story.Told();
  EXPECT_EQ(story.Undrain("n1"), "");
  EXPECT_EQ(story.Told(), Lines());
}

}  // namespace
}  // namespace everstep
