// Who was to blame, what it cost, how it went on: the incidents of a job, and what each class of failure means for the retry.
#include "launcher/core/incidents.h"

#include "base/text.h"
#include "launcher/core/status.h"
#include "tests/story/story.h"

namespace everstep {
namespace {

std::vector<IncidentView> Incidents(const Story& story, const ListIncidents& request = {}) {
  return ViewIncidents(story.world().state, request);
}
const RankExit kReset = ExitCode(1, "Traceback\nRuntimeError: [pair.cc:534] Connection reset by peer");

TEST(Incidents, TheKilledRankOfThreeIsNamedAndNotThoseThatDiedOfItAndWereHeardFirst) {
  Story story({"n1", "n2", "n3"});
  const JobId train = story.Submit(Train(3));
  story.Saves(train, "step-40.pt", 40);
  story.Step(train, 47);
  story.RankEnds(train, 0, kReset);
  story.RankEnds(train, 2, kReset);
  story.Pass(200ms);
  story.Told();
  story.RankEnds(train, 1, Killed(9));
  const Lines told = story.Told();
  EXPECT_EQ(told.front(), "rank 1 on n2 was killed by SIGKILL; generation 1 is stopped");
  EXPECT_EQ(told.at(told.size() - 2),
            "rank 1 on n2 was killed by SIGKILL; all hosts go on in place, resuming from step 40 (restart 1 of 10); its words: "
            "everstep logs train-1 --rank 1 --generation 1 --tail 50");
  EXPECT_EQ(told.back(), "generation 2 starts: 3 ranks on 3 hosts; 7 steps and 200 ms lost");

  const JobView view = ViewOf(story.world(), story.now(), story.Job(train));
  ASSERT_TRUE(view.incident);
  EXPECT_EQ(view.incident->cause, "rank 1 on n2 was killed by SIGKILL");
  EXPECT_EQ(view.incident->node, NodeId("n2"));
  EXPECT_EQ(view.incident->rank, 1u);
  EXPECT_EQ(view.incident->signal, 9u);
  EXPECT_FALSE(view.incident->code);
  EXPECT_EQ(view.incident->blame, BlameClass::unknown);
  EXPECT_EQ(view.incident->step, 47u);
  EXPECT_EQ(view.incident->steps_lost, 7u);
  EXPECT_EQ(view.incident->checkpoint, "step-40.pt@g1#1");
  EXPECT_EQ(view.incident->noticing, 200ms);
  EXPECT_EQ(view.incident->lost, 200ms);
  EXPECT_EQ(view.incident->outcome, IncidentOutcome::restarted);
  EXPECT_EQ(view.incident->logs, "everstep logs train-1 --rank 1 --generation 1 --tail 50");
  EXPECT_EQ(view.next, "everstep logs train-1 -f");
  const Lines says = Explain(story.world(), story.now(), story.Job(train)).sentences;
  EXPECT_NE(
      std::find(says.begin(), says.end(),
                "generation 1 broke: rank 1 on n2 was killed by SIGKILL (class unknown: somebody killed it, and it was not "
                "Everstep: an operator, another out-of-memory killer, the kernel); its words: everstep logs train-1 --rank "
                "1 --generation 1 --tail 50"),
      says.end())
      << Join(says, "\n");
}

TEST(Incidents, WhatARankOfALostHostWroteBeforeIsTheClueToWhyTheHostWent) {
  Story story({"n1", "n2", "n3", "n4"});
  const JobId train = story.Submit(Train(3));
  story.Writes(train, 0, "RuntimeError: NCCL error: unhandled system error");
  story.Writes(train, 1, "step 40\nRuntimeError: CUDA error: uncorrectable ECC error encountered\nstep 41");
  story.Told();
  story.PowerOff("n2");
  story.Pass(20s);
  const Lines told = story.Told();
  EXPECT_EQ(told.at(told.size() - 3),
            "counts as the host's failure (class gpu): n2 is lost: silent for 5 s, and 3 of 3 peers asked got no answer from "
            "it; rank 1 there wrote last: RuntimeError: CUDA error: uncorrectable ECC error encountered");
  const IncidentView incident = Incidents(story).front();
  EXPECT_EQ(incident.blame, BlameClass::gpu);
  EXPECT_EQ(incident.node, NodeId("n2"));
  EXPECT_EQ(incident.rank, 1u);
  EXPECT_TRUE(incident.cause.ends_with("uncorrectable ECC error encountered")) << incident.cause;
  EXPECT_EQ(incident.logs, "everstep logs train-1 --rank 1 --generation 1 --tail 50");
  EXPECT_EQ(incident.outcome, IncidentOutcome::restarted);
}

TEST(Incidents, WordsOfALostHostThatTellOfNoFailureOrOfOneElsewhereAreNoClue) {
  Story story({"n1", "n2", "n3", "n4"});
  const JobId train = story.Submit(Train(3));
  story.Writes(train, 1,
               "RuntimeError: [pair.cc:534] Connection reset by peer\n 40%|####      | 40/100 [00:02<00:03, 19.9it/s]");
  story.PowerOff("n2");
  story.Pass(20s);
  const IncidentView incident = Incidents(story).front();
  EXPECT_EQ(incident.blame, BlameClass::host);
  EXPECT_FALSE(incident.rank);
  EXPECT_EQ(incident.cause, "n2 is lost: silent for 5 s, and 3 of 3 peers asked got no answer from it");
}

TEST(Incidents, WhatALostHostCostIsKnownInItsPartsAndTheyAddUp) {
  Story story({"n1", "n2", "n3"});
  const JobId train = story.Submit(Train(2));
  story.Saves(train, "step-40.pt", 40);
  story.Step(train, 61);
  story.Host("n3").prepares = false;
  story.PowerOff("n2");
  story.Pass(10s);
  story.Host("n3").prepares = true;
  story.Host("n3").gangs.clear();
  story.Reports("n3");
  ASSERT_EQ(story.Phase(train), JobPhase::running);
  const std::vector<IncidentView> incidents = Incidents(story, {.job = train});
  ASSERT_EQ(incidents.size(), 1u);
  const IncidentView& lost = incidents.front();
  EXPECT_EQ(lost.blame, BlameClass::host);
  EXPECT_EQ(lost.node, NodeId("n2"));
  EXPECT_FALSE(lost.rank);
  EXPECT_EQ(lost.cause, "n2 is lost: silent for 5 s, and 2 of 2 peers asked got no answer from it");
  EXPECT_EQ(lost.noticing, 5s) << "from the last that was heard of it";
  ASSERT_TRUE(lost.stopping && lost.placing && lost.preparing && lost.lost);
  EXPECT_GT(*lost.preparing, 0s);
  EXPECT_EQ(*lost.noticing + *lost.stopping + *lost.placing + *lost.preparing, *lost.lost);
  EXPECT_EQ(lost.logs, "everstep logs train-1 --generation 1 --tail 50");
}

TEST(Incidents, WhatIsNotKnownIsAbsent) {
  Story story({"n1"});
  const JobId train = story.Submit(Train(1));
  story.RankEnds(train, 0, ExitCode(1, "KeyError: 'a'"));
  const IncidentView first = Incidents(story).front();
  EXPECT_FALSE(first.step) << "no rank told of one";
  EXPECT_FALSE(first.steps_lost);
  EXPECT_EQ(first.checkpoint, "");
  story.Host("n1").obeys_term = false;
  story.Host("n1").unkillable = true;
  story.Drain("n1", "", true);
  const IncidentView open = Incidents(story).back();
  EXPECT_EQ(open.outcome, IncidentOutcome::open);
  EXPECT_FALSE(open.stopping || open.placing || open.preparing || open.lost);
  EXPECT_EQ(open.next, "");
}

TEST(Incidents, AnEndThatIsNotWellIsOneToo) {
  Story story({"n1", "n2"});
  JobSpec spec = Train(1);
  spec.restart.no_restart = {93};
  const JobId failed = story.Submit(spec);
  story.RankEnds(failed, 0, ExitCode(93, "RuntimeError: no"));
  const JobId cancelled = story.Submit(Train(1));
  EXPECT_EQ(story.Cancel(cancelled), "");
  const JobId done = story.Submit(Train(1));
  story.AllRanksEnd(done, ExitCode(0));
  const std::vector<IncidentView> all = Incidents(story);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].job, failed);
  EXPECT_EQ(all[0].outcome, IncidentOutcome::ended);
  EXPECT_EQ(all[0].next, "rank 0 on n1 exited with code 93: RuntimeError: no; gave up: exit code 93 is listed as no_restart");
  EXPECT_EQ(all[1].job, cancelled);
  EXPECT_EQ(all[1].blame, BlameClass::user);
  EXPECT_EQ(all[1].cause, "cancelled by ann");
}

TEST(Incidents, AreListedByJobAndByHostTheNewestOfMany) {
  Story story({"n1", "n2"});
  JobSpec spec = Train(1);
  spec.restart.budget = 100;
  spec.restart.no_progress = 100;
  const JobId a = story.Submit(spec), b = story.Submit(spec);
  for (int i = 0; i < 20; ++i) {
    story.RankEnds(a, 0, Killed(9));
    story.Pass(11s);
  }
  story.RankEnds(b, 0, Killed(9));
  const std::vector<IncidentView> of_a = Incidents(story, {.job = a});
  ASSERT_EQ(of_a.size(), 16u) << "bounded";
  EXPECT_EQ(of_a.front().number, 5u);
  EXPECT_EQ(of_a.back().number, 20u);
  ASSERT_EQ(Incidents(story, {.node = NodeId("n2")}).size(), 1u);
  EXPECT_EQ(Incidents(story, {.node = NodeId("n2")}).front().job, b);
  const std::vector<IncidentView> newest = Incidents(story, {.rows_max = 2});
  ASSERT_EQ(newest.size(), 2u);
  EXPECT_EQ(newest.front().number, 20u);
  EXPECT_EQ(newest.back().job, b);
}

TEST(Retry, AFaultyAcceleratorIsLeftForAnotherHost) {
  Story story({"n1", "n2", "n3"});
  const JobId train = story.Submit(Train(2));
  story.Told();
  story.RankEnds(train, 1, ExitCode(1, "RuntimeError: CUDA error: uncorrectable ECC error encountered"));
  EXPECT_EQ(story.Told()[3], "counts as the host's failure (class gpu)");
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n3"}));
  EXPECT_EQ(story.Job(train).fruitless, 0u);
}

TEST(Retry, WithoutAnotherHostItGoesOnInPlaceAndIsCounted) {
  Story story({"n1", "n2"});
  const JobId train = story.Submit(Train(2));
  const RankExit full = ExitCode(1, "OSError: [Errno 28] No space left on device: '/ckpt/step-40.pt'");
  for (int i = 0; i < 2; ++i) story.RankEnds(train, 1, full);
  EXPECT_EQ(story.Phase(train), JobPhase::running);
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n2"}));
  story.RankEnds(train, 1, full);
  EXPECT_EQ(story.Told().back(),
            "rank 1 on n2 exited with code 1: OSError: [Errno 28] No space left on device: '/ckpt/step-40.pt'; gave up: 3 "
            "failures in a row without a newer checkpoint or step (restart.no_progress: 3)");
  EXPECT_EQ(Incidents(story).back().blame, BlameClass::storage);
}

TEST(Retry, AWrongCommandLineIsNotTriedAgain) {
  Story story({"n1", "n2"});
  const JobId train = story.Submit(Train(2));
  story.RankEnds(train, 0, ExitCode(2, "usage: train.py [-h]\ntrain.py: error: unrecognized arguments: --epoch 3"));
  EXPECT_EQ(story.Phase(train), JobPhase::failed);
  EXPECT_EQ(
      story.Told().back(),
      "rank 0 on n1 exited with code 2: train.py: error: unrecognized arguments: --epoch 3; gave up: it would fail the same "
      "way again: its command line is wrong");
  EXPECT_EQ(story.Job(train).exit_code, 2u);
  EXPECT_EQ(ViewOf(story.world(), story.now(), story.Job(train)).next,
            "everstep logs train-1 --rank 0 --generation 1 --tail 50");
}

TEST(Retry, ATroubledFabricSpendsTheBudgetAndNotThePatience) {
  Story story({"n1", "n2"});
  JobSpec spec = Train(2);
  spec.restart.budget = 5;
  const JobId train = story.Submit(spec);
  for (int i = 0; i < 5; ++i) {
    story.RankEnds(train, 0, kReset);
    story.Pass(11s);
  }
  EXPECT_EQ(story.Phase(train), JobPhase::running);
  story.Told();
  story.RankEnds(train, 0, kReset);
  story.Pass(1s);
  EXPECT_EQ(story.Phase(train), JobPhase::failed);
  EXPECT_TRUE(story.Told().back().ends_with("gave up: the restart budget is used up: 5 of 5 within 6 h"));
}

TEST(Retry, ASigtermFromOutsideIsNoFailureOfTheCode) {
  Story story({"n1", "n2"});
  const JobId train = story.Submit(Train(2));
  story.Told();
  for (int i = 0; i < 4; ++i) {
    story.RankEnds(train, 1, Killed(15));
    story.Pass(11s);
  }
  EXPECT_EQ(story.Phase(train), JobPhase::running);
  EXPECT_EQ(story.Told()[3], "counts against the budget only (class preemption)");
}

TEST(Why, AJobThatPreparesSaysWhomItWaitsForAndOneThatRecoversWhatMustBeCertain) {
  Story story({"n1", "n2", "n3", "n4"});
  story.Host("n2").prepares = false;
  const JobId train = story.Submit(Train(2));
  story.Pass(12s);
  const auto why = [&] { return ViewOf(story.world(), story.now(), story.Job(train)).why; };
  EXPECT_EQ(why(), "placed on n1 and n2; n2 prepares since 12 s");
  story.Host("n2").prepares = true;
  story.Host("n2").gangs.clear();
  story.Reports("n2");
  ASSERT_EQ(story.Phase(train), JobPhase::running);
  EXPECT_EQ(why(), "generation 1 starts: 2 ranks on 2 hosts");
  story.Host("n2").obeys_term = false;
  story.RankEnds(train, 0, Killed(9));
  EXPECT_EQ(
      why(),
      "rank 0 on n1 was killed by SIGKILL; generation 1 is stopped; waits until generation 1 is certainly gone from n2: it "
      "stops its ranks");
  const Lines says = Explain(story.world(), story.now(), story.Job(train)).sentences;
  EXPECT_EQ(says.front(), "recovering: " + why());
}

TEST(BadInput, CancellingAJobThatHasEndedSaysHowItEnded) {
  Story story({"n1"});
  const JobId train = story.Submit(Train(1));
  story.AllRanksEnd(train, ExitCode(0));
  EXPECT_EQ(story.Cancel(train), "train-1 has ended already: done (done: its rank ended with code 0)");
}

TEST(BadInput, MoreHostsThanThereAreIsWaitedForAndSaid) {
  Story story({"n1", "n2", "n3"});
  const JobId train = story.Submit(Train(9));
  EXPECT_EQ(story.Told().front(), "queued: needs 9 hosts, the cluster has 3");
  EXPECT_EQ(ViewOf(story.world(), story.now(), story.Job(train)).why, "needs 9 hosts, the cluster has 3");
  story.PowerOff("n3");
  story.Pass(16s);
  EXPECT_EQ(ViewOf(story.world(), story.now(), story.Job(train)).why,
            "needs 9 hosts, the cluster has 3, 2 fit: n3 lost 11 s ago");
}

}  // namespace
}  // namespace everstep
