#include "collectives/core/rail_loss.h"

#include <gtest/gtest.h>

#include <functional>

namespace everstep {
namespace {

const CheckedHosts kThree{.names = {"n1", "n2", "n3"}, .racks = {}, .rails = 2, .nics = {}};

// All pairs of three hosts over two rails; `bad`: whether a pair fails over a rail.
std::vector<PairTest> Tests(const std::function<bool(HostPair, std::uint32_t)>& bad) {
  std::vector<PairTest> tests;
  for (const HostPair pair : {HostPair{0, 1}, HostPair{0, 2}, HostPair{1, 2}}) {
    tests.push_back({.pair = pair, .retest = false, .edges = {}});
    for (const std::uint32_t rail : {0u, 1u})
      tests.back().edges.push_back({.from = pair.a,
                                    .to = pair.b,
                                    .rail = rail,
                                    .fault = bad(pair, rail) ? EdgeFault::silent : EdgeFault::none,
                                    .ratio = 1});
  }
  return tests;
}

TEST(RailLoss, ARailThatFailsBetweenAllHostsIsOneVerdictAndNotOneAPair) {
  const std::vector<PairTest> tests = Tests([](HostPair, std::uint32_t rail) { return rail == 1; });
  const std::vector<std::uint32_t> lost = LostRails(kThree, tests);
  ASSERT_EQ(lost, std::vector<std::uint32_t>{1});
  const std::vector<Verdict> verdicts = LostRailVerdicts(kThree, tests, lost);
  ASSERT_EQ(verdicts.size(), 1u);
  EXPECT_EQ(verdicts[0].kind, VerdictKind::fabric_switch);
  EXPECT_EQ(verdicts[0].why,
            "rail 1 fails between all hosts, 3 of 3 pairs, and another rail works: its switch, or how it is set up");
  EXPECT_TRUE(Conclude(kThree, WithoutRails(tests, lost), {}).empty()) << "the other rail is well";
}

TEST(RailLoss, OneHostsDeadNicIsNoLostRail) {
  EXPECT_TRUE(LostRails(kThree, Tests([](HostPair pair, std::uint32_t rail) { return rail == 1 && pair.b == 2; })).empty());
}

TEST(RailLoss, WhereNoRailWorksNoneOfThemIsTheOneThatIsLost) {
  EXPECT_TRUE(LostRails(kThree, Tests([](HostPair, std::uint32_t) { return true; })).empty());
}

TEST(RailLoss, OfTwoHostsNothingTellsASwitchFromANic) {
  std::vector<PairTest> tests = Tests([](HostPair, std::uint32_t rail) { return rail == 1; });
  tests.resize(1);
  EXPECT_TRUE(LostRails(kThree, tests).empty());
}

}  // namespace
}  // namespace everstep
