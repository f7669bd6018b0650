#include "collectives/core/plan.h"

#include <gtest/gtest.h>

#include "plan_run.h"

namespace everstep {
namespace {

constexpr std::uint32_t kRanksMax = 64;

using Block = PlanRun::Block;

Block FromAll(std::uint32_t ranks) { return Block(ranks, 1); }
Block From(std::uint32_t ranks, std::uint32_t source) {
  Block block(ranks, 0);
  block[source] = 1;
  return block;
}

// What rank `rank` must hold at the end; calls f(block, what) for each block that counts.
template <class F>
void ForEachResult(const Plan& plan, F f) {
  const std::uint32_t n = plan.ranks;
  switch (plan.collective) {
    case Collective::all_reduce:
      for (std::uint32_t b = 0; b < plan.blocks; ++b) f(b, FromAll(n));
      return;
    case Collective::reduce_scatter: return f(plan.rank, FromAll(n));
    case Collective::all_gather:
      for (std::uint32_t b = 0; b < n; ++b) f(b, From(n, b));
      return;
    case Collective::all_to_all:
      for (std::uint32_t b = 0; b < n; ++b) f(n + b, From(n, b));
      return;
  }
}

struct Case {
  Collective collective{};
  Algorithm algorithm{};
};

std::vector<Case> AllCases() {
  std::vector<Case> cases;
  for (const Collective collective :
       {Collective::all_reduce, Collective::reduce_scatter, Collective::all_gather, Collective::all_to_all})
    for (const Algorithm algorithm :
         {Algorithm::ring, Algorithm::recursive_doubling, Algorithm::halving_doubling, Algorithm::direct, Algorithm::star})
      if (Has(collective, algorithm)) cases.push_back({collective, algorithm});
  return cases;
}

class EveryPlan : public testing::TestWithParam<Case> {};

TEST_P(EveryPlan, CountsEachContributionExactlyOnceForOneTo64Ranks) {
  for (std::uint32_t ranks = 1; ranks <= kRanksMax; ++ranks) {
    const std::vector<Plan> plans = PlansOfAll(GetParam().collective, GetParam().algorithm, ranks);
    const PlanRun run(plans);
    ASSERT_EQ(run.fault, "") << ranks << " ranks";
    for (const Plan& plan : plans)
      ForEachResult(plan, [&](std::uint32_t block, const Block& expected) {
        ASSERT_EQ(run.buffers[plan.rank][block], expected) << ranks << " ranks, rank " << plan.rank << ", block " << block;
      });
  }
}

INSTANTIATE_TEST_SUITE_P(Plans, EveryPlan, testing::ValuesIn(AllCases()),
                         [](const auto& one) { return Cat(Name(one.param.collective), "_by_", Name(one.param.algorithm)); });

TEST(Plans, ARankAloneHasNothingToSendAndKeepsWhatItHas) {
  for (const Case& one : AllCases())
    for (const PlanRound& round : PlanFor(one.collective, one.algorithm, 1, 0).rounds) {
      EXPECT_TRUE(round.sends.empty() && round.receives.empty());
      EXPECT_EQ(round.copies.size(), one.collective == Collective::all_to_all ? 1u : 0u);
    }
}

TEST(Plans, TheRingSendsTheLeastThatAnyAllReduceCan) {  // 2 (N-1)/N of the buffer, Patarasuk and Yuan 2009
  for (std::uint32_t ranks = 2; ranks <= kRanksMax; ++ranks)
    for (const Algorithm algorithm : {Algorithm::ring, Algorithm::direct}) {
      const Plan plan = PlanFor(Collective::all_reduce, algorithm, ranks, ranks / 2);
      std::uint32_t sent = 0;
      for (const PlanRound& round : plan.rounds)
        for (const PlannedSend& send : round.sends) sent += send.blocks.count;
      EXPECT_EQ(sent, 2 * (ranks - 1)) << Name(algorithm);
      EXPECT_EQ(plan.blocks, ranks);
    }
}

TEST(Plans, ARankThatFoldsIsIdleWhileTheOthersPlayAndGetsTheResultAtTheEnd) {
  const Plan plan = PlanFor(Collective::all_reduce, Algorithm::halving_doubling, 6, 1);  // 4 play; 1 and 3 fold into 0 and 2
  ASSERT_EQ(plan.rounds.size(), 6u);
  EXPECT_EQ(plan.rounds.front().sends[0].peer, 0u);
  for (std::size_t i = 1; i + 1 < plan.rounds.size(); ++i)
    EXPECT_TRUE(plan.rounds[i].sends.empty() && plan.rounds[i].receives.empty());
  EXPECT_EQ(plan.rounds.back().receives[0].peer, 0u);
}

// The symbolic run itself must be able to fail.
TEST(Plans, TheRunFindsAContributionThatCountsTwiceAndASendThatNobodyReceives) {
  std::vector<Plan> twice = PlansOfAll(Collective::all_reduce, Algorithm::star, 3);
  for (Plan& plan : twice) plan.rounds.insert(plan.rounds.begin(), plan.rounds.front());
  EXPECT_EQ(PlanRun(twice).buffers[0][0], (Block{1, 2, 2}));

  std::vector<Plan> lost = PlansOfAll(Collective::all_reduce, Algorithm::star, 3);
  lost[0].rounds[0].receives.pop_back();
  EXPECT_EQ(PlanRun(lost).fault, "a send of round 0 is received by nobody");
}

}  // namespace
}  // namespace everstep
