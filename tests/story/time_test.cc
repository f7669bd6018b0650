// What time does to a job: its limit, the pause before a restart that comes too often, and the account of its hosts' time.
#include "base/text.h"
#include "launcher/core/ledger.h"
#include "launcher/core/recovery.h"
#include "launcher/core/status.h"
#include "tests/story/story.h"

namespace everstep {
namespace {

JobSpec Limited(Duration limit) {
  JobSpec spec = Train(2);
  spec.time_limit = limit;
  return spec;
}

TEST(TimeLimit, AJobIsStoppedWithItsGraceWhenItsTimeIsUp) {
  Story story({"n1", "n2"});
  const JobId train = story.Submit(Limited(1min));
  story.Pass(59s);
  EXPECT_EQ(story.Phase(train), JobPhase::running);
  EXPECT_LE(*ViewOf(story.world(), story.now(), story.Job(train)).time_left, 1s);
  story.Told();
  story.Pass(2s);
  EXPECT_EQ(story.Told(), (Lines{
                              "its time is up: time_limit is 1 min",
                              "n1 reported generation 1 empty",
                              "n2 reported generation 1 empty",
                              "its time is up: time_limit is 1 min; all its processes are gone",
                          }));
  EXPECT_EQ(story.Phase(train), JobPhase::failed);
  EXPECT_EQ(story.Job(train).exit_code, 124u);
}

TEST(TimeLimit, CountsFromTheFirstStartNotFromTheQueue) {
  Story story({"n1", "n2"});
  const JobId first = story.Submit(Train(2));
  const JobId second = story.Submit(Limited(1min));
  story.Pass(5min);
  EXPECT_EQ(story.Phase(second), JobPhase::queued);
  story.AllRanksEnd(first, ExitCode(0));
  story.Pass(50s);
  EXPECT_EQ(story.Phase(second), JobPhase::running);
  story.Pass(15s);
  EXPECT_EQ(story.Phase(second), JobPhase::failed);
}

TEST(TimeLimit, RestartsAndWaitsForAHostCount) {
  Story story({"n1", "n2", "n3"});
  const JobId train = story.Submit(Limited(1min));
  story.Drain("n3", "fan");
  story.Pass(20s);
  story.RankEnds(train, 1, Killed(9));
  story.Pass(20s);
  story.PowerOff("n2");
  story.Pass(15s);
  EXPECT_EQ(story.Phase(train), JobPhase::recovering);
  story.Pass(10s);
  EXPECT_EQ(story.Phase(train), JobPhase::failed);
  EXPECT_EQ(story.Job(train).why, "its time is up: time_limit is 1 min; all its processes are gone");
}

TEST(TimeLimit, ALauncherThatWasAwayCountsTheTime) {
  Story story({"n1", "n2"});
  const JobId train = story.Submit(Limited(1min));
  story.Pass(30s);
  story.RestartLauncher(3s);
  story.Pass(25s);
  EXPECT_EQ(story.Phase(train), JobPhase::running);
  story.Pass(5s);
  EXPECT_EQ(story.Phase(train), JobPhase::failed);
}

TEST(BackOff, TheThirdBreakInARowRightAfterAStartWaitsAndEachFurtherOneTwiceAsLong) {
  Story story({"n1", "n2"});
  JobSpec spec = Train(2);
  spec.restart.no_progress = 1000;
  spec.restart.budget = 1000;
  const JobId train = story.Submit(spec);
  for (int i = 0; i < 2; ++i) {
    story.RankEnds(train, 1, Killed(9));
    EXPECT_EQ(story.Phase(train), JobPhase::running) << "at once";
  }
  for (const Duration wait : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
    story.RankEnds(train, 1, Killed(9));
    story.Told();
    story.Pass(wait - 200ms);
    EXPECT_EQ(story.Phase(train), JobPhase::recovering) << Show(wait);
    EXPECT_NE(story.Job(train).why.find(Cat("times in a row within 10 s of its start: started again ", Show(wait))),
              std::string::npos)
        << story.Job(train).why;
    story.Pass(400ms);
    EXPECT_EQ(story.Phase(train), JobPhase::running) << Show(wait);
  }
}

TEST(BackOff, WhatHasRunForAWhileIsStartedAgainAtOnce) {
  Story story({"n1", "n2"});
  JobSpec spec = Train(2);
  spec.restart.no_progress = 1000;
  const JobId train = story.Submit(spec);
  for (int i = 0; i < 6; ++i) {
    story.Pass(11s);
    story.RankEnds(train, 1, Killed(9));
    EXPECT_EQ(story.Phase(train), JobPhase::running);
  }
}

std::uint64_t Sum(const Ledger& l) { return l.useful + l.unsaved + l.lost + l.noticing + l.standing + l.spare; }

TEST(Ledger, EveryMomentOfEveryHostIsCountedOnce) {
  Story story({"n1", "n2", "n3"});
  const Time placed = story.now().at;
  const JobId train = story.Submit(Train(2, 1));
  story.Pass(10s);
  story.Saves(train, "step-40.pt", 40);
  EXPECT_EQ(Accounted(story.Job(train), story.now().at).useful, 20'000'000u);
  story.Pass(5s);
  story.PowerOff("n2");
  story.Pass(20s);
  ASSERT_EQ(story.Job(train).generation, Generation(2));
  const Ledger ledger = Accounted(story.Job(train), story.now().at);
  EXPECT_EQ(ledger.useful, 20'000'000u);
  EXPECT_NEAR(static_cast<double>(ledger.lost), 10e6, 0.3e6) << "five seconds of two hosts";
  EXPECT_NEAR(static_cast<double>(ledger.noticing), 10e6, 0.5e6) << "the host was lost five seconds after it was heard last";
  EXPECT_EQ(ledger.unsaved + ledger.useful + ledger.lost + ledger.noticing + ledger.standing + ledger.spare, Sum(ledger));
  // The spare took the lost host's place: from then on two hosts are held, before that three.
  const auto at = [](Time t) { return static_cast<std::uint64_t>(t.time_since_epoch() / 1us); };
  const std::uint64_t two = 2 * (at(story.now().at) - at(placed));
  EXPECT_EQ(Sum(ledger) - ledger.spare, two);
}

TEST(Ledger, ACheckpointThatTurnsUpAfterTheBreakWasNotLost) {
  Ledger ledger{.useful = 5, .lost = 30, .at_risk = 20};
  AccountSave(ledger);
  EXPECT_EQ(ledger.useful, 25u);
  EXPECT_EQ(ledger.lost, 10u);
  AccountSave(ledger);
  EXPECT_EQ(ledger.useful, 25u) << "once";
}

TEST(Ledger, WhatWasNotSavedIsUsefulWhenTheJobIsDoneAndLostWhenItFails) {
  for (const bool good : {true, false}) {
    Story story({"n1"});
    JobSpec spec = Train(1);
    spec.restart.budget = 0;
    const JobId train = story.Submit(spec);
    story.Pass(10s);
    story.AllRanksEnd(train, ExitCode(good ? 0 : 1));
    const Ledger& ledger = story.Job(train).ledger;
    EXPECT_EQ(good ? ledger.useful : ledger.lost, 10'000'000u);
    EXPECT_EQ(good ? ledger.lost : ledger.useful, 0u);
    EXPECT_EQ(ledger.unsaved, 0u);
  }
}

}  // namespace
}  // namespace everstep
