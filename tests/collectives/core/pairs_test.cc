#include "collectives/core/pairs.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace everstep {
namespace {

std::vector<PairRound> Rounds(std::uint32_t hosts, PairLevel level,
                              const PairOptions& options = {.seed = 7, .racks = {}, .cross_per_rack_max = {}}) {
  const Result<PairPlan> plan = PairRounds(hosts, level, options);
  EXPECT_TRUE(plan.has_value());
  return plan->rounds;
}

// Racks of `size` hosts each.
std::vector<std::uint32_t> RacksOf(std::uint32_t hosts, std::uint32_t size) {
  std::vector<std::uint32_t> racks;
  for (std::uint32_t host = 0; host < hosts; ++host) racks.push_back(host / size);
  return racks;
}

// No host twice in a round, no pair twice at all; the pairs that were met.
std::set<HostPair> Met(const std::vector<PairRound>& rounds) {
  std::set<HostPair> met;
  for (const PairRound& round : rounds) {
    std::set<std::uint32_t> busy;
    for (const HostPair& pair : round) {
      EXPECT_LT(pair.a, pair.b);
      EXPECT_TRUE(busy.insert(pair.a).second && busy.insert(pair.b).second)
          << pair.a << " or " << pair.b << " has two tests at once";
      EXPECT_TRUE(met.insert(pair).second) << pair.a << " meets " << pair.b << " twice";
    }
  }
  return met;
}

TEST(Pairs, AFullTournamentMeetsEveryPairOnceInAsFewRoundsAsCanBe) {
  for (std::uint32_t hosts = 2; hosts <= 65; ++hosts) {
    const std::vector<PairRound> rounds = Rounds(hosts, PairLevel::full);
    EXPECT_EQ(rounds.size(), hosts % 2 == 0 ? hosts - 1 : hosts) << hosts;
    EXPECT_EQ(Met(rounds).size(), hosts * (hosts - 1) / 2) << hosts;
  }
}

TEST(Pairs, AQuickCheckIsFourRoundsHoweverManyHostsThereAre) {
  for (const std::uint32_t hosts : {5u, 6u, 7u, 8u, 9u, 64u, 65u, 1024u})
    for (const bool racks : {false, true}) {
      const std::vector<PairRound> rounds =
          Rounds(hosts, PairLevel::quick,
                 {.seed = hosts, .racks = racks ? RacksOf(hosts, 8) : std::vector<std::uint32_t>{}, .cross_per_rack_max = {}});
      EXPECT_EQ(rounds.size(), 4u) << hosts;
      const std::set<HostPair> met = Met(rounds);
      EXPECT_EQ(met.size(), 4 * (hosts / 2)) << hosts;
    }
}

TEST(Pairs, OneTwoAndThreeHostsHaveAllThePairsThereAre) {
  EXPECT_EQ(Rounds(1, PairLevel::quick).size(), 0u);
  EXPECT_EQ(Rounds(0, PairLevel::full).size(), 0u);
  EXPECT_EQ(Rounds(2, PairLevel::quick), (std::vector<PairRound>{{{0, 1}}}));
  const std::vector<PairRound> three = Rounds(3, PairLevel::quick);
  EXPECT_EQ(three.size(), 3u);
  EXPECT_EQ(Met(three).size(), 3u);
}

TEST(Pairs, TheSeedDecidesAndIsSaid) {
  const PairOptions options{.seed = 42, .racks = {}, .cross_per_rack_max = {}};
  EXPECT_EQ(PairRounds(16, PairLevel::quick, options)->seed, 42u);
  EXPECT_EQ(Rounds(16, PairLevel::quick, options), Rounds(16, PairLevel::quick, options));
  EXPECT_NE(Rounds(16, PairLevel::quick, options),
            Rounds(16, PairLevel::quick, {.seed = 43, .racks = {}, .cross_per_rack_max = {}}));
}

TEST(Pairs, WithinRacksComesFirstThenAcross) {
  const std::vector<std::uint32_t> racks = RacksOf(16, 4);
  const auto within = [&](const PairRound& round) {
    return std::count_if(round.begin(), round.end(), [&](const HostPair& pair) { return racks[pair.a] == racks[pair.b]; });
  };
  const std::vector<PairRound> full = Rounds(16, PairLevel::full, {.seed = 1, .racks = racks, .cross_per_rack_max = {}});
  EXPECT_EQ(Met(full).size(), 120u);
  EXPECT_EQ(full.size(), 15u);
  for (std::size_t i = 0; i < full.size(); ++i) EXPECT_EQ(within(full[i]), i < 3 ? 8 : 0) << "round " << i;
  const std::vector<PairRound> quick = Rounds(16, PairLevel::quick, {.seed = 1, .racks = racks, .cross_per_rack_max = {}});
  EXPECT_EQ(within(quick[0]), 8);
  EXPECT_EQ(within(quick[3]), 0);
}

TEST(Pairs, RacksOfVeryUnequalSizesDoNotCostManyTimesTheRounds) {
  std::vector<std::uint32_t> racks(20, 0);
  racks[17] = 1, racks[18] = 2, racks[19] = 3;
  const std::vector<PairRound> full = Rounds(20, PairLevel::full, {.seed = 1, .racks = racks, .cross_per_rack_max = {}});
  EXPECT_EQ(full.size(), 19u);
  EXPECT_EQ(Met(full).size(), 190u);
}

TEST(Pairs, ARackNeverHasMorePairsAcrossThanItsUplinksCarry) {
  const std::vector<std::uint32_t> racks = RacksOf(24, 8);
  const std::vector<PairRound> rounds = Rounds(24, PairLevel::full, {.seed = 3, .racks = racks, .cross_per_rack_max = 2});
  EXPECT_EQ(Met(rounds).size(), 24u * 23 / 2);
  for (const PairRound& round : rounds) {
    std::map<std::uint32_t, int> across;
    for (const HostPair& pair : round)
      if (racks[pair.a] != racks[pair.b]) ++across[racks[pair.a]], ++across[racks[pair.b]];
    for (const auto& [rack, pairs] : across) EXPECT_LE(pairs, 2) << "rack " << rack;
  }
}

TEST(Pairs, RacksForOtherHostsAndALimitOfNothingAreRefused) {
  EXPECT_EQ(PairRounds(4, PairLevel::full, {.seed = 1, .racks = {0, 1}, .cross_per_rack_max = {}}).error().Str(),
            "racks are given for 2 hosts, the check has 4; give a rack for each host, or for none");
  EXPECT_EQ(PairRounds(4, PairLevel::full, {.seed = 1, .racks = {}, .cross_per_rack_max = 0}).error().Str(),
            "cross_per_rack_max is 0, at least 1 is legal; leave it out for no limit");
}

}  // namespace
}  // namespace everstep
