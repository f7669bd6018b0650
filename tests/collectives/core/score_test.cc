#include "collectives/core/score.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/rng.h"
#include "base/text.h"

namespace everstep {
namespace {

CheckedHosts Hosts(std::uint32_t count) {
  CheckedHosts hosts;
  for (std::uint32_t host = 0; host < count; ++host) hosts.names.push_back(Cat("n", host + 1));
  return hosts;
}

// Everybody with everybody, about 1 GB/s with a percent of spread; `speed(from, to)` is a factor.
template <class F>
std::vector<Transfer> Everybody(std::uint32_t hosts, F speed) {
  Rng rng(5);
  std::vector<Transfer> transfers;
  for (std::uint32_t from = 0; from < hosts; ++from)
    for (std::uint32_t to = 0; to < hosts; ++to)
      if (from != to)
        transfers.push_back({.from = from,
                             .to = to,
                             .rail = 0,
                             .bytes_per_second = 1e9 * speed(from, to) * (0.99 + 0.02 * rng.Unit()),
                             .wrong_data = false});
  return transfers;
}

std::size_t Failed(const Scores& scores) {
  return static_cast<std::size_t>(
      std::count_if(scores.edges.begin(), scores.edges.end(), [](const Edge& edge) { return edge.fault != EdgeFault::none; }));
}

TEST(Score, AHealthyClusterHasNoSlowEdge) {
  const Scores scores = ScoreTransfers(Hosts(8), Everybody(8, [](auto, auto) { return 1.0; }));
  EXPECT_EQ(Failed(scores), 0u);
  EXPECT_NEAR(scores.median, 1e9, 5e6);
}

TEST(Score, AHostThatSendsSlowlyIsSlowInItsRowAndNowhereElse) {
  const Scores scores = ScoreTransfers(Hosts(8), Everybody(8, [](auto from, auto) { return from == 3 ? 0.5 : 1.0; }));
  for (const Edge& edge : scores.edges) EXPECT_EQ(edge.fault, edge.from == 3 ? EdgeFault::slow : EdgeFault::none);
  EXPECT_NEAR(scores.as_sender[3], 0.5, 0.02);
  EXPECT_NEAR(scores.as_receiver[3], 1.0, 0.02);
}

TEST(Score, EightPercentSlowerIsNotSlow) {
  EXPECT_EQ(Failed(ScoreTransfers(Hosts(8), Everybody(8, [](auto from, auto) { return from == 3 ? 0.92 : 1.0; }))), 0u);
}

TEST(Score, InANoisyClusterTwentyPercentSlowerIsNotSlow) {
  Rng rng(9);
  EXPECT_EQ(Failed(ScoreTransfers(Hosts(12), Everybody(12, [&](auto, auto) { return 0.8 + 0.4 * rng.Unit(); }))), 0u);
}

// Twelve transfers, eight effects: what effects leave over is no measure of the spread.
TEST(Score, FourNoisyHostsAreNotAllOutliers) {
  std::size_t failed = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Rng rng(seed);
    failed += Failed(ScoreTransfers(Hosts(4), Everybody(4, [&](auto, auto) { return 0.5 + rng.Unit(); })));
  }
  EXPECT_LE(failed, 6u) << "of 600";
}

// A third of all transfers are slow then; they must not count as the spread.
TEST(Score, OneHostOfSixThatIsThirtyTimesSlowerIsSlowInANoisyClusterToo) {
  Rng rng(3);
  const Scores scores = ScoreTransfers(
      Hosts(6), Everybody(6, [&](auto from, auto to) { return (0.5 + rng.Unit()) * (from == 2 || to == 2 ? 0.03 : 1.0); }));
  for (const Edge& edge : scores.edges)
    EXPECT_EQ(edge.fault == EdgeFault::slow, edge.from == 2 || edge.to == 2) << edge.from << " to " << edge.to;
}

// As seen in a lab: with the retests, more than half of all transfers have a bad end.
TEST(Score, TwoBadHostsOfEightAreSlowAlthoughMostTransfersAre) {
  const auto bad = [](std::uint32_t host) { return host == 4 || host == 7; };
  Rng noise(8);
  std::vector<Transfer> transfers = Everybody(
      8, [&](std::uint32_t from, std::uint32_t to) { return bad(from) || bad(to) ? 0.0075 : 0.1 + 0.6 * noise.Unit(); });
  const std::size_t once = transfers.size();
  for (std::size_t i = 0; i < once; ++i)
    if (bad(transfers[i].from) || bad(transfers[i].to)) transfers.push_back(transfers[i]);
  const Scores scores = ScoreTransfers(Hosts(8), transfers);
  for (const Edge& edge : scores.edges)
    EXPECT_EQ(edge.fault != EdgeFault::none, bad(edge.from) || bad(edge.to))
        << edge.from << " to " << edge.to << ": " << scores.why;
}

TEST(Score, TestsAgainOfASlowHostDoNotMakeSlowWhatIsNormal) {
  CheckedHosts three{.names = {"n1", "n2", "n3"}, .racks = {}, .rails = 1, .nics = {}};
  std::vector<Transfer> transfers;
  const auto test = [&](std::uint32_t a, std::uint32_t b, double rate) {
    transfers.push_back({.from = a, .to = b, .rail = 0, .bytes_per_second = rate, .wrong_data = false});
    transfers.push_back({.from = b, .to = a, .rail = 0, .bytes_per_second = rate * 1.01, .wrong_data = false});
  };
  test(0, 2, 1e9);
  for (int again = 0; again < 3; ++again) test(0, 1, 6e6), test(1, 2, 6e6);
  const Scores scores = ScoreTransfers(three, transfers);
  for (const Edge& edge : scores.edges)
    EXPECT_EQ(edge.fault, edge.from == 1 || edge.to == 1 ? EdgeFault::slow : EdgeFault::none) << scores.why;
}

TEST(Score, InASecondLookHalfOfTheMedianIsSlowHoweverWideTheSpreadOfShortTestsIs) {
  CheckedHosts hosts{.names = {"n1", "n2", "n3", "n4"}, .racks = {}, .rails = 1, .nics = {}};
  std::vector<Transfer> transfers;
  double rate = 0.25e9;
  for (std::uint32_t a = 0; a < 4; ++a)
    for (std::uint32_t b = 0; b < 4; ++b)
      if (a != b) transfers.push_back({.from = a, .to = b, .rail = 0, .bytes_per_second = rate *= 1.25, .wrong_data = false});
  transfers.push_back({.from = 0, .to = 1, .rail = 0, .bytes_per_second = 0.3e9, .wrong_data = false, .again = true});
  const std::vector<Edge> edges = ScoreTransfers(hosts, transfers).edges;
  EXPECT_EQ(edges[0].fault, EdgeFault::none) << "as slow, in a short test";
  EXPECT_EQ(edges.back().fault, EdgeFault::slow);
}

TEST(Score, AThinnerSpineIsNobodysFault) {
  CheckedHosts hosts = Hosts(8);
  hosts.racks = {0, 0, 0, 0, 0, 0, 0, 1};
  const auto thin = [&](std::uint32_t from, std::uint32_t to) { return hosts.racks[from] == hosts.racks[to] ? 1.0 : 0.6; };
  EXPECT_EQ(Failed(ScoreTransfers(hosts, Everybody(8, thin))), 0u);
  hosts.racks.clear();
  EXPECT_GT(Failed(ScoreTransfers(hosts, Everybody(8, thin))), 0u) << "without racks it looks like a slow host";
}

TEST(Score, SilenceAndWrongDataFailWhateverTheSpeed) {
  std::vector<Transfer> transfers = Everybody(4, [](auto, auto) { return 1.0; });
  transfers[0].bytes_per_second.reset();
  transfers[1].wrong_data = true;
  const Scores scores = ScoreTransfers(Hosts(4), transfers);
  EXPECT_EQ(scores.edges[0].fault, EdgeFault::silent);
  EXPECT_EQ(scores.edges[1].fault, EdgeFault::wrong_data);
  EXPECT_EQ(Failed(scores), 2u);
}

TEST(Score, AClusterThatIsSlowAllOverFailsByTheFloorOnly) {
  const std::vector<Transfer> transfers = Everybody(4, [](auto, auto) { return 0.1; });
  EXPECT_EQ(Failed(ScoreTransfers(Hosts(4), transfers)), 0u);
  const Scores scores = ScoreTransfers(Hosts(4), transfers, Floor{.bytes_per_second = 5e8, .why = "the profile"});
  EXPECT_EQ(Failed(scores), 12u);
  EXPECT_EQ(scores.edges[0].fault, EdgeFault::below_floor);
  EXPECT_EQ(scores.why, "12 transfers, median 0.0999 GB/s; slow is below 0.9 of it, or below the floor: the profile");
}

TEST(Score, NothingMeasuredIsSilenceNotAPass) {
  const Scores scores = ScoreTransfers(Hosts(2), {{.from = 0, .to = 1}, {.from = 1, .to = 0}});
  EXPECT_EQ(Failed(scores), 2u);
}

constexpr auto kKey = [] { return BaselineKey{.provider = "tcp;ofi_rxm", .test = "pair", .bytes = 8 << 20, .hosts = 2}; };

// Runs of ten tests each around 1.02 GB/s.
std::vector<MeasuredRun> Runs(std::uint32_t count) {
  std::vector<MeasuredRun> runs;
  for (std::uint32_t i = 0; i < count; ++i) runs.push_back({.samples = 10, .median = 1e9 + 1e7 * (i % 5), .mad = 1e7});
  return runs;
}

TEST(Floor, IsLearnedHereFirstAndTheProfilesSecond) {
  const std::vector<Baseline> learned = {LearnBaseline(kKey(), Runs(5))};
  const std::optional<Floor> floor = FloorFor(kKey(), learned, 7e8);
  ASSERT_TRUE(floor.has_value());
  EXPECT_NEAR(floor->bytes_per_second, 0.9 * 1.02e9, 1e6);
  EXPECT_EQ(floor->why,
            "learned here from 50 tests of 8388608 bytes on 2 hosts over tcp;ofi_rxm: median 1.02 GB/s, floor 0.918 GB/s");
  EXPECT_EQ(FloorFor(kKey(), {}, 7e8)->bytes_per_second, 7e8);
  EXPECT_FALSE(FloorFor(kKey(), {}, std::nullopt).has_value());
}

TEST(Floor, WhatWasLearnedForAnotherSizeProviderOrNumberOfHostsDoesNotCount) {
  const std::vector<Baseline> learned = {LearnBaseline(kKey(), Runs(5))};
  for (const BaselineKey& key :
       {BaselineKey{.provider = "efa", .test = "pair", .bytes = 8 << 20, .hosts = 2},
        BaselineKey{.provider = "tcp;ofi_rxm", .test = "pair", .bytes = 1 << 20, .hosts = 2},
        BaselineKey{.provider = "tcp;ofi_rxm", .test = "pair", .bytes = 8 << 20, .hosts = 4},
        BaselineKey{.provider = "tcp;ofi_rxm", .test = "all_reduce ring", .bytes = 8 << 20, .hosts = 2}})
    EXPECT_FALSE(FloorFor(key, learned, std::nullopt).has_value());
}

TEST(Floor, NineteenTestsAreNoBaseline) {
  EXPECT_FALSE(
      FloorFor(kKey(), {LearnBaseline(kKey(), {{.samples = 19, .median = 1e9, .mad = 1e7}})}, std::nullopt).has_value());
  EXPECT_TRUE(
      FloorFor(kKey(), {LearnBaseline(kKey(), {{.samples = 20, .median = 1e9, .mad = 1e7}})}, std::nullopt).has_value());
}

TEST(Floor, AWideSpreadWithinOrBetweenRunsLowersTheFloorAndOneBadRunDoesNot) {
  std::vector<MeasuredRun> runs = Runs(20);
  runs[0].median = 1;
  EXPECT_NEAR(FloorFor(kKey(), {LearnBaseline(kKey(), runs)}, std::nullopt)->bytes_per_second, 0.918e9, 3e7);
  for (std::size_t i = 0; i < runs.size(); ++i) runs[i].median = 0.6e9 + 4e7 * static_cast<double>(i);
  EXPECT_LT(FloorFor(kKey(), {LearnBaseline(kKey(), runs)}, std::nullopt)->bytes_per_second, 0.5e9) << "between";
  for (MeasuredRun& run : runs) run = {.samples = 10, .median = 1e9, .mad = 1e8};
  EXPECT_LT(FloorFor(kKey(), {LearnBaseline(kKey(), runs)}, std::nullopt)->bytes_per_second, 0.5e9) << "within";
}

TEST(Floor, WhatARunHasMeasuredComesBackFromItsTextAndNothingElseDoes) {
  const auto back = MeasuredIn(TextOf(kKey(), {.samples = 12, .median = 1.5e9, .mad = 2e7}));
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->first, kKey());
  EXPECT_EQ(back->second.median, 1.5e9);
  for (const char* bad :
       {"", "tcp pair 1 2 3 4", "tcp pair 1 2 0 4 5", "tcp pair 1 2 3 0 5", "tcp pair 1 2 3 4 x", "tcp pair 1 2 3 4 5 6"})
    EXPECT_FALSE(MeasuredIn(bad).has_value()) << bad;
}

}  // namespace
}  // namespace everstep
