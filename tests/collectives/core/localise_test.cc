#include "collectives/core/localise.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "pair_world.h"

namespace everstep {
namespace {

using On = PlantedFault::On;

PlantedFault Bad(On on, std::uint32_t what, EdgeFault as = EdgeFault::silent) {
  return {.on = on, .what = what, .other = 0, .rail = {}, .as = as};
}

PairWorld World(std::uint32_t hosts, std::vector<PlantedFault> faults) {
  return {.hosts = hosts, .rails = 1, .racks = {}, .faults = std::move(faults), .p = 1, .noise = 0};
}

// "HOST n3", one a verdict.
std::vector<std::string> Verdicts(const PairWorld& world, PairLevel level = PairLevel::quick,
                                  const std::vector<SelfTest>& self = {}, std::uint64_t seed = 11) {
  std::vector<std::string> told;
  for (const Verdict& verdict : PairPlay(world, seed).Run(level, seed, self).verdicts) {
    std::string text(Title(verdict.kind));
    for (const std::uint32_t host : verdict.racks.empty() ? verdict.hosts : std::vector<std::uint32_t>{})
      text += Cat(" n", host + 1);
    for (const std::uint32_t rack : verdict.racks) text += Cat(" rack ", rack);
    if (verdict.rail) text += Cat(" rail ", *verdict.rail);
    told.push_back(text);
  }
  return told;
}

std::string Why(const PairWorld& world, PairLevel level = PairLevel::quick) {
  const std::vector<Verdict> verdicts = PairPlay(world, 11).Run(level, 11).verdicts;
  return verdicts.size() == 1 ? verdicts[0].why : Cat(verdicts.size(), " verdicts");
}

using Told = std::vector<std::string>;

TEST(Localiser, AHealthyClusterHasNoVerdictAndNeedsFourRounds) {
  const PairRun run = PairPlay(World(64, {}), 1).Run(PairLevel::quick, 1);
  EXPECT_TRUE(run.verdicts.empty());
  EXPECT_EQ(run.rounds, 4u);
}

TEST(Localiser, ADeadHostIsNamedWithItsEvidence) {
  EXPECT_EQ(Verdicts(World(8, {Bad(On::host, 2)})), Told{"HOST n3"});
  EXPECT_EQ(Why(World(8, {Bad(On::host, 2)})), "n3 failed with 7 of 7 partners (14 without an answer in time)");
}

TEST(Localiser, AHostThatIsSlowOneWayIsNamedWithTheWay) {
  EXPECT_EQ(Verdicts(World(16, {Bad(On::sender, 2, EdgeFault::slow)})), Told{"HOST-TX n3"});
  EXPECT_EQ(Verdicts(World(16, {Bad(On::receiver, 2, EdgeFault::slow)})), Told{"HOST-RX n3"});
  EXPECT_EQ(Why(World(16, {Bad(On::sender, 2, EdgeFault::slow)})),
            "n3 failed with 10 of 10 partners, all of them when it sends (12 slow, 0.4 of the median bandwidth)");
}

// n1 sends badly to `sends` of eight partners, and hears badly from `hears` of them.
std::vector<std::string> OfDirections(std::uint32_t sends, std::uint32_t hears) {
  CheckedHosts hosts{.names = {"n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9"}};
  std::vector<PairTest> tests;
  for (std::uint32_t a = 0; a < 9; ++a)
    for (std::uint32_t b = a + 1; b < 9; ++b)
      tests.push_back({.pair = {a, b},
                       .edges = {{.from = a, .to = b, .fault = a == 0 && b <= sends ? EdgeFault::slow : EdgeFault::none},
                                 {.from = b, .to = a, .fault = a == 0 && b <= hears ? EdgeFault::slow : EdgeFault::none}}});
  std::vector<std::string> told;
  for (const Verdict& verdict : Conclude(hosts, tests, {}, {})) told.emplace_back(Title(verdict.kind));
  return told;
}

TEST(Localiser, WhereBothDirectionsFailNearlyAllOfOneMustForTheWayToBeNamed) {
  EXPECT_EQ(OfDirections(5, 0), Told{"HOST-TX"});
  EXPECT_EQ(OfDirections(5, 1), Told{"HOST"}) << "that comes by chance, too often";
  EXPECT_EQ(OfDirections(6, 1), Told{"HOST-TX"});
  EXPECT_EQ(OfDirections(1, 8), Told{"HOST-RX"});
}

TEST(Localiser, OneBadNicOfFourIsNamedByItsRail) {
  PairWorld world = World(16, {{.on = On::host, .what = 5, .other = 0, .rail = 2, .as = EdgeFault::slow}});
  world.rails = 4;
  EXPECT_EQ(Verdicts(world), Told{"NIC n6 rail 2"});
  EXPECT_EQ(Why(world), "n6 failed with 10 of 10 partners on rail 2 only (24 slow, 0.4 of the median bandwidth)");
}

TEST(Localiser, ABadLinkIsNoHostsFault) {
  const PairWorld world = World(8, {{.on = On::link, .what = 1, .other = 6, .rail = {}, .as = EdgeFault::wrong_data}});
  EXPECT_EQ(Verdicts(world, PairLevel::full), Told{"LINK n2 n7"});
  EXPECT_EQ(
      Why(world, PairLevel::full),
      "n2 and n7 failed 4 of 4 tests with each other (8 with wrong data), and both work with others: test the link again");
}

TEST(Localiser, AFailureThatDoesNotComeBackIsNoVerdict) {
  PairWorld world = World(16, {});
  world.noise = 0.01;
  for (std::uint64_t seed = 0; seed < 300; ++seed)
    EXPECT_EQ(Verdicts(world, PairLevel::quick, {}, seed), Told{}) << "seed " << seed;
}

TEST(Localiser, TwoBadHostsAreBothNamedAlsoWhenTheyMeet) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Told told = Verdicts(World(8, {Bad(On::host, 0), Bad(On::host, 1)}), PairLevel::quick, {}, seed);
    std::sort(told.begin(), told.end());
    EXPECT_EQ(told, (Told{"HOST n1", "HOST n2"})) << "seed " << seed;
  }
}

PairWorld Racks(std::vector<PlantedFault> faults, std::uint32_t racks = 4) {
  PairWorld world = World(8 * racks, std::move(faults));
  for (std::uint32_t host = 0; host < world.hosts; ++host) world.racks.push_back(host / 8);
  return world;
}

TEST(Localiser, ARackThatIsCutOffIsASwitchNotEightHosts) {
  EXPECT_EQ(Verdicts(Racks({Bad(On::uplink, 2)})), Told{"SWITCH rack 2"});
  EXPECT_EQ(Verdicts(Racks({Bad(On::uplink, 2)}), PairLevel::full), Told{"SWITCH rack 2"});
  EXPECT_EQ(Why(Racks({Bad(On::uplink, 2)}), PairLevel::full),
            "192 of 192 pairs from rack 2 to others, but not inside it failed (384 without an answer in time)");
}

TEST(Localiser, BetweenTwoRacksNothingTellsWhichOfTheirSwitches) {
  EXPECT_EQ(Verdicts(Racks({Bad(On::uplink, 1)}, 2), PairLevel::full), Told{"SWITCH rack 0 rack 1"});
}

TEST(Localiser, BadHostsOfASmallRackAreNoSwitch) {
  PairWorld world = Racks({Bad(On::host, 1, EdgeFault::slow)}, 2);
  world.hosts = 8;
  world.racks = {0, 1, 0, 1, 0, 1, 0, 1};
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    EXPECT_EQ(Verdicts(world, PairLevel::full, {}, seed), Told{"HOST n2"}) << "seed " << seed;
    EXPECT_EQ(Verdicts(world, PairLevel::quick, {}, seed), Told{"HOST n2"}) << "seed " << seed;
  }
  world.faults.push_back(Bad(On::host, 3));
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Told told = Verdicts(world, PairLevel::full, {}, seed);
    std::sort(told.begin(), told.end());
    EXPECT_EQ(told, (Told{"HOST n2", "HOST n4"})) << "seed " << seed << ": two of the four in one rack";
  }
}

TEST(Localiser, RacksAreCalledByTheirNames) {
  const PairWorld world = Racks({Bad(On::uplink, 1)}, 2);
  PairPlay play(world, 11);
  play.NameRacks({"leaf-a", "leaf-b"});
  const std::vector<Verdict> verdicts = play.Run(PairLevel::full, 11).verdicts;
  ASSERT_EQ(verdicts.size(), 1u);
  EXPECT_NE(verdicts[0].why.find("pairs between racks leaf-a and leaf-b failed"), std::string::npos) << verdicts[0].why;
}

TEST(Localiser, ABadHostInARackIsStillAHost) {
  EXPECT_EQ(Verdicts(Racks({Bad(On::host, 9)})), Told{"HOST n10"});
  Told told = Verdicts(Racks({Bad(On::host, 9), Bad(On::host, 12)}), PairLevel::full);
  std::sort(told.begin(), told.end());
  EXPECT_EQ(told, (Told{"HOST n10", "HOST n13"}));
}

TEST(Localiser, ABadHostInAnotherRackThanTheBadSwitchIsNamedToo) {
  EXPECT_EQ(Verdicts(Racks({Bad(On::uplink, 2), Bad(On::host, 1)}), PairLevel::full), (Told{"SWITCH rack 2", "HOST n2"}));
}

TEST(Localiser, OfTwoHostsNothingTellsWhichButTheirOwnTests) {
  EXPECT_EQ(Verdicts(World(2, {Bad(On::host, 0)})), Told{"PAIR, CANNOT SAY WHICH n1 n2"});
  EXPECT_EQ(Why(World(2, {Bad(On::sender, 0)})),
            "n1 and n2 failed 4 of 4 tests with each other, only from n1 to n2 (4 without an answer in time), and nothing "
            "tells which of them it is");
  const std::vector<SelfTest> self = {{.host = 0, .rail = {}, .passed = false, .why = "loopback reached 0.1 GB/s"},
                                      {.host = 1, .rail = {}, .passed = true, .why = {}}};
  EXPECT_EQ(Verdicts(World(2, {Bad(On::host, 0)}), PairLevel::quick, self), Told{"HOST n1"});
}

TEST(Localiser, OfThreeHostsOneThatFailsWithBothIsNamedAndThreeThatAllFailAreNot) {
  EXPECT_EQ(Verdicts(World(3, {Bad(On::host, 1)})), Told{"HOST n2"});
  EXPECT_EQ(Verdicts(World(3, {Bad(On::host, 0), Bad(On::host, 1)})),
            (Told{"PAIR, CANNOT SAY WHICH n1 n2", "PAIR, CANNOT SAY WHICH n1 n3", "PAIR, CANNOT SAY WHICH n2 n3"}));
  EXPECT_EQ(Verdicts(World(3, {{.on = On::link, .what = 0, .other = 2, .rail = {}, .as = EdgeFault::silent}})),
            Told{"LINK n1 n3"});
}

TEST(Localiser, AHostAloneIsNotCheckedAndAHostWithoutATestIsUnknown) {
  EXPECT_EQ(Verdicts(World(1, {})), Told{});
  const CheckedHosts hosts{.names = {"n1", "n2"}, .racks = {}, .rails = 1};
  const std::vector<Verdict> verdicts = Conclude(hosts, {}, {});
  ASSERT_EQ(verdicts.size(), 2u);
  EXPECT_EQ(verdicts[0].kind, VerdictKind::unknown);
  EXPECT_EQ(verdicts[0].why, "n1 was in no pair test: nothing is known of its network");
}

TEST(Localiser, ANicThatFailsItsLoopbackIsNamedWithoutAnyPair) {
  const std::vector<SelfTest> self = {{.host = 3, .rail = 1, .passed = false, .why = "no loopback in 1 s"}};
  EXPECT_EQ(Verdicts(World(8, {}), PairLevel::quick, self), Told{"NIC n4 rail 1"});
}

}  // namespace
}  // namespace everstep
