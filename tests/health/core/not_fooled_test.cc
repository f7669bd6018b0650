// What keeps the health loop from being fooled: growth instead of totals, strikes, grace, expiry, majorities, and
// the score of who offends again and again.
#include <gtest/gtest.h>

#include "health/core/alarms.h"
#include "health/core/counters.h"
#include "health/core/fleet.h"
#include "health/core/offenders.h"

namespace everstep::health {
namespace {

Time At(Duration since) { return Time(since); }

Check Drops() { return {.id = "efa.rx_drops", .what = "drops", .warn = Rule{.number = 0}, .window = 1h}; }

Reading Total(double total) { return {.check = "efa.rx_drops", .scope = "rdma0", .number = total, .evidence = "rx_drops"}; }

TEST(Counters, WhatACounterHoldsIsHistoryOnlyGrowthCounts) {
  Counters counters;
  EXPECT_EQ(counters.Grown(Drops(), Total(5000), At(0s)).unread, "it is a counter, and this was the first look");
  const Reading quiet = counters.Grown(Drops(), Total(5000), At(10s));
  EXPECT_EQ(quiet.number, 0);
  const Reading grown = counters.Grown(Drops(), Total(5003), At(20s));
  EXPECT_EQ(grown.number, 3);
  EXPECT_EQ(grown.evidence, "rx_drops, +3 in 20 s");
}

TEST(Counters, WhatIsOlderThanTheWindowIsForgotten) {
  Counters counters;
  counters.Grown(Drops(), Total(0), At(0s));
  EXPECT_EQ(counters.Grown(Drops(), Total(3), At(10s)).number, 3);
  EXPECT_EQ(counters.Grown(Drops(), Total(3), At(30min)).number, 3);
  EXPECT_EQ(counters.Grown(Drops(), Total(3), At(2h)).number, 0);
}

TEST(Counters, ACounterThatBecameSmallerWasResetAndHoldsOnlyNews) {
  Counters counters;
  counters.Grown(Drops(), Total(5000), At(0s));
  EXPECT_EQ(counters.Grown(Drops(), Total(2), At(10s)).number, 2);
}

TEST(Counters, TwoDevicesAreTwoCounters) {
  Counters counters;
  counters.Grown(Drops(), Total(5), At(0s));
  Reading other = Total(9);
  other.scope = "rdma1";
  EXPECT_TRUE(counters.Grown(Drops(), other, At(10s)).unread);
}

TEST(Counters, ASignOfLifeIsMissedOnlyAfterItsWholeWindow) {
  const Check alive{
      .id = "efa.keep_alive", .what = "life", .fail = Rule{.comparison = Comparison::below, .number = 1}, .window = 60s};
  Counters counters;
  counters.Grown(alive, Total(7), At(0s));
  EXPECT_EQ(counters.Grown(alive, Total(7), At(1s)).unread, "it must grow within 1 min, and was looked at for 1 s only");
  EXPECT_EQ(counters.Grown(alive, Total(7), At(60s)).number, 0);
}

TEST(Counters, ManyLooksDoNotMakeTheHistoryLong) {
  Counters counters;
  for (int i = 0; i <= 2000; ++i) counters.Grown(Drops(), Total(i), At(i * 1s));
  EXPECT_LE(*counters.Grown(Drops(), Total(2001), At(2001s)).number, static_cast<double>(Counters::kSamplesMax));
}

TEST(Counters, WhoGoesOnAfterAnotherKnowsWhatACounterHasGrownBy) {
  Counters before;
  before.Grown(Drops(), Total(100), At(0s));
  for (int look = 1; look <= 60; ++look) before.Grown(Drops(), Total(look < 30 ? 100 : 102), At(look * 10s));
  before.Grown({.id = "quiet", .window = 1h}, {.check = "quiet", .number = 7}, At(0s));
  before.Grown({.id = "quiet", .window = 1h}, {.check = "quiet", .number = 7}, At(10s));
  const std::vector<CounterMemory> memory = before.Memory();
  ASSERT_EQ(memory.size(), 1u) << "of the quiet one a first look tells as much";
  EXPECT_LE(memory[0].samples.size(), 4u) << "what changes nothing is not kept";
  Counters after;
  after.Restore(memory[0]);
  const Reading grown = after.Grown(Drops(), Total(103), At(11min));
  EXPECT_EQ(grown.number, 3) << "with what has come in between";
  EXPECT_EQ(after.Grown(Drops(), Total(103), At(1h + 6min)).number, 1) << "each within its own window";
}

TEST(Counters, OfManyChangesTheNewestAreRememberedOneByOneAndNoneIsLost) {
  Counters before;
  for (int look = 0; look <= 100; ++look) before.Grown(Drops(), Total(look), At(look * 10s));
  const std::vector<CounterMemory> memory = before.Memory();
  ASSERT_EQ(memory.size(), 1u);
  EXPECT_EQ(memory[0].samples.size(), Counters::kSamplesRemembered);
  Counters after;
  after.Restore(memory[0]);
  EXPECT_EQ(after.Grown(Drops(), Total(100), At(1010s)).number, 100);
}

Check Noisy() { return {.id = "gpu.temperature", .what = "temperature", .strikes = 2}; }
Verdict Is(State state, std::string evidence = "97") {
  return {.check = "gpu.temperature", .scope = "GPU 3", .state = state, .why = "97 °C", .evidence = std::move(evidence)};
}

TEST(Alarms, ANoisyCheckIsRaisedByItsSecondBadLookInARow) {
  Alarms alarms({}, At(0s));
  EXPECT_TRUE(alarms.Take(Noisy(), Is(State::fail), At(2min)).empty());
  EXPECT_TRUE(alarms.Take(Noisy(), Is(State::ok), At(3min)).empty());
  EXPECT_TRUE(alarms.Take(Noisy(), Is(State::fail), At(4min)).empty());
  const auto raised = alarms.Take(Noisy(), Is(State::fail), At(5min));
  ASSERT_EQ(raised.size(), 1u);
  EXPECT_EQ(raised[0].why, "GPU 3: gpu.temperature: 97 °C (2 looks in a row)");
  EXPECT_TRUE(alarms.Take(Noisy(), Is(State::fail), At(6min)).empty());  // once
}

TEST(Alarms, AHostThatHasJustStartedIsLeftInPeace) {
  Alarms alarms({}, At(0s));
  EXPECT_TRUE(alarms.Take({.id = "gpu.temperature"}, Is(State::fail), At(59s)).empty());
  EXPECT_EQ(alarms.Take({.id = "gpu.temperature"}, Is(State::fail), At(60s)).size(), 1u);
}

TEST(Alarms, WhoCannotSeeHasNotSeenItGetBetter) {
  Alarms alarms({}, At(0s));
  alarms.Take(Noisy(), Is(State::fail), At(2min));
  EXPECT_TRUE(alarms.Take(Noisy(), Is(State::unknown), At(3min)).empty());
  EXPECT_EQ(alarms.Take(Noisy(), Is(State::fail), At(4min)).size(), 1u);
}

TEST(Alarms, AWarningThatGetsWorseIsToldAgain) {
  Alarms alarms({}, At(0s));
  EXPECT_EQ(alarms.Take({.id = "gpu.temperature"}, Is(State::warn), At(2min)).size(), 1u);
  EXPECT_EQ(alarms.Take({.id = "gpu.temperature"}, Is(State::fail), At(3min)).size(), 1u);
  EXPECT_TRUE(alarms.Take({.id = "gpu.temperature"}, Is(State::warn), At(4min)).empty());
}

TEST(Alarms, AValueThatSwingsAboutItsLimitIsToldOnce) {
  Alarms alarms({}, At(0s));
  const Check check{.id = "gpu.temperature"};
  std::size_t told = 0;
  for (int look = 0; look < 20; ++look)
    told += alarms.Take(check, Is(look % 2 == 0 ? State::warn : State::fail), At(2min + look * 10s)).size();
  EXPECT_EQ(told, 2u) << "as a warning, and as a failure";
}

TEST(Alarms, OneThatWasRaisedBeforeThisWatchBeganIsNotOverBeforeAnybodyHasLooked) {
  Alarms before({}, At(0s));
  before.Take({.id = "gpu.temperature"}, Is(State::fail), At(2min));
  Alarms after({}, At(0s));
  after.Restore(before.Raised().front(), At(5h));
  EXPECT_TRUE(after.Expire(At(5h)).empty());
  EXPECT_TRUE(after.Take({.id = "gpu.temperature"}, Is(State::fail), At(5h)).empty()) << "and it is no news";
  EXPECT_EQ(after.Expire(At(5h + 10min)).size(), 1u);
}

TEST(Alarms, AStrikeIsNotForgivenBecauseTheWatchBeganAnew) {
  Alarms before({}, At(0s));
  EXPECT_TRUE(before.Take(Noisy(), Is(State::fail), At(2min)).empty());
  ASSERT_EQ(before.Pending().size(), 1u);
  EXPECT_TRUE(before.Raised().empty());
  Alarms after({}, At(0s));
  after.RestorePending(before.Pending().front());
  EXPECT_EQ(after.Take(Noisy(), Is(State::fail), At(2min + 20s)).size(), 1u);
  EXPECT_TRUE(after.Pending().empty()) << "it is raised";
  Alarms good({}, At(0s));
  good.RestorePending(before.Pending().front());
  good.Take(Noisy(), Is(State::ok), At(2min + 20s));
  EXPECT_TRUE(good.Take(Noisy(), Is(State::fail), At(2min + 30s)).empty()) << "they must be in a row";
  Alarms late({}, At(0s));
  late.RestorePending(before.Pending().front());
  late.Expire(At(13min));
  EXPECT_TRUE(late.Take(Noisy(), Is(State::fail), At(13min)).empty()) << "nobody has looked for ten minutes";
}

TEST(Alarms, AnAlarmEndsByItself) {
  Alarms alarms({}, At(0s));
  alarms.Take({.id = "gpu.temperature"}, Is(State::fail), At(2min));
  EXPECT_TRUE(alarms.Expire(At(11min)).empty());
  const auto over = alarms.Expire(At(12min));
  ASSERT_EQ(over.size(), 1u);
  EXPECT_FALSE(over[0].raised);
  EXPECT_EQ(over[0].why, "GPU 3: gpu.temperature: not seen again for 10 min");
  EXPECT_TRUE(alarms.Raised().empty());
}

TEST(Alarms, WhatAPersonHasClearedIsRaisedAgainByNewEvidenceOnly) {
  Alarms alarms({}, At(0s));
  const Check check{.id = "gpu.temperature"};
  alarms.Take(check, Is(State::fail), At(2min));
  const auto cleared = alarms.Clear("gpu.temperature", "GPU 3", "ann", "fan replaced");
  ASSERT_TRUE(cleared);
  EXPECT_EQ(cleared->why, "GPU 3: gpu.temperature: cleared by ann: fan replaced");
  EXPECT_TRUE(alarms.Take(check, Is(State::fail), At(3min)).empty());
  EXPECT_EQ(alarms.Take(check, Is(State::fail, "99"), At(4min)).size(), 1u);
  EXPECT_FALSE(alarms.Clear("gpu.temperature", "GPU 4", "ann", ""));
}

HostReading Driver(const char* host, const char* version) { return {NodeId(host), {.word = version}}; }
HostReading Rate(const char* host, double rate) { return {NodeId(host), {.number = rate}}; }

TEST(Fleet, TheOddOneOutOfAMajorityIsNamed) {
  const auto found = Compare({Driver("n1", "550"), Driver("n2", "550"), Driver("n3", "535"), Driver("n4", "550")}, Unit::word);
  ASSERT_EQ(found.odd.size(), 1u);
  EXPECT_EQ(found.odd[0].host, NodeId("n3"));
  EXPECT_EQ(found.odd[0].why, "535, 3 of 4 hosts have 550");
}

TEST(Fleet, WithoutAMajorityNobodyIsBlamed) {
  const auto half = Compare({Driver("n1", "550"), Driver("n2", "550"), Driver("n3", "535"), Driver("n4", "535")}, Unit::word);
  EXPECT_TRUE(half.odd.empty());
  EXPECT_EQ(half.why, "no value has a majority: 2 hosts with 535 and 2 hosts with 550");
  EXPECT_EQ(Compare({Driver("n1", "550"), Driver("n2", "535")}, Unit::word).why,
            "only 2 hosts could be compared: 3 are needed to name one");
}

TEST(Fleet, AHostThatCouldNotBeReadHasNoVote) {
  HostReading silent{NodeId("n4"), {.unread = "denied"}};
  const auto found = Compare({Driver("n1", "550"), Driver("n2", "550"), Driver("n3", "535"), silent}, Unit::word);
  ASSERT_EQ(found.odd.size(), 1u);
  EXPECT_EQ(found.odd[0].why, "535, 2 of 3 hosts have 550");
}

TEST(Fleet, ASlowHostIsFarFromTheMedianAndNoiseIsNot) {
  const auto found = Compare({Rate("n1", 100), Rate("n2", 101), Rate("n3", 70), Rate("n4", 99), Rate("n5", 100)}, Unit::gbps);
  ASSERT_EQ(found.odd.size(), 1u);
  EXPECT_EQ(found.odd[0].why, "70 Gbit/s, the median of 5 hosts is 100 Gbit/s");
  EXPECT_TRUE(Compare({Rate("n1", 100), Rate("n2", 100), Rate("n3", 98), Rate("n4", 100)}, Unit::gbps).odd.empty());
}

TEST(Offenders, WhoOffendsAgainAcrossJobsIsKeptAwayAndTheScoreExplainsItself) {
  const std::vector<Offence> offences = {
      {.who = "GPU-5c8", .what = "Xid 79", .job = "a-1", .action = Action::reboot, .at = At(0s)},
      {.who = "GPU-5c8", .what = "Xid 79", .job = "b-1", .action = Action::reboot, .at = At(1h)},
      {.who = "GPU-5c8", .what = "gpu.ecc_uncorrected", .action = Action::reset, .at = At(2h)},
      {.who = "GPU-777", .what = "Xid 13", .job = "b-1", .action = Action::app, .at = At(2h)}};
  const OffenderScore bad = Score(offences, "GPU-5c8", At(3h));
  EXPECT_TRUE(bad.keep_away);
  EXPECT_EQ(bad.why, "score 3.9 (3.0 keeps a host from work): Xid 79 (2 times, 2 jobs), gpu.ecc_uncorrected; newest 1 h ago");
  EXPECT_FALSE(Score(offences, "GPU-777", At(3h)).keep_away);
  EXPECT_EQ(Score(offences, "GPU-1", At(3h)).why, "no offence is known");
}

TEST(Offenders, AnOffenceFadesByHalfEachHalfLife) {
  const std::vector<Offence> offences = {{.who = "n1", .what = "Xid 54", .action = Action::replace, .at = At(0s)}};
  EXPECT_TRUE(Score(offences, "n1", At(0s)).keep_away);
  EXPECT_DOUBLE_EQ(Score(offences, "n1", At(72h)).score, 1.5);
}

}  // namespace
}  // namespace everstep::health
