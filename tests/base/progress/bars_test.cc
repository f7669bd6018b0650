#include "base/progress/bars.h"

#include <gtest/gtest.h>

namespace everstep {
namespace {

using Step = std::optional<std::uint64_t>;

Step At(Bars& bars, std::uint64_t step, std::uint64_t total, Duration elapsed) {
  const auto steps = bars.Drawn(step, total, elapsed);
  return steps ? Step(steps->step) : std::nullopt;
}

TEST(Bars, AnEvaluationInsideTheTrainingIsPassedOver) {
  Bars bars;
  EXPECT_EQ(At(bars, 500, 1000, 60s), 500u);
  EXPECT_EQ(At(bars, 0, 2000, 0s), std::nullopt) << "larger, but the training is not over";
  EXPECT_EQ(At(bars, 2000, 2000, 30s), std::nullopt);
  bars.Wiped();
  EXPECT_EQ(At(bars, 0, 1000, 0s), std::nullopt) << "as large as the training";
  EXPECT_EQ(At(bars, 501, 1000, 95s), 501u);
}

TEST(Bars, AnEvaluationBeforeTheTrainingGivesWayToIt) {
  Bars bars;
  EXPECT_EQ(At(bars, 13, 13, 2s), 13u);
  EXPECT_EQ(At(bars, 0, 1000, 0s), 0u);
  EXPECT_EQ(At(bars, 13, 13, 2s), std::nullopt);
}

TEST(Bars, EpochsAddUpWhenTheirTotalIsTheSame) {
  Bars bars;
  EXPECT_EQ(At(bars, 20, 20, 5s), 20u);
  EXPECT_EQ(At(bars, 4, 4, 1s), std::nullopt) << "the evaluation after it";
  EXPECT_EQ(At(bars, 0, 20, 0s), 20u);
  EXPECT_EQ(At(bars, 20, 20, 5s), 40u);
  const auto third = bars.Drawn(3, 20, 1s);
  ASSERT_TRUE(third);
  EXPECT_EQ(third->step, 43u);
  EXPECT_EQ(third->total, std::nullopt) << "how many epochs there will be is not known";
}

TEST(Bars, ABarThatWasWipedAwayIsOverThoughItWasNotDrawnFull) {
  Bars bars;
  EXPECT_EQ(At(bars, 18, 20, 5s), 18u);
  bars.Wiped();
  EXPECT_EQ(At(bars, 0, 20, 0s), 20u);
}

TEST(Bars, WipedForALineOfTextAndDrawnAgainItGoesOn) {
  Bars bars;
  EXPECT_EQ(At(bars, 18, 20, 5s), 18u);
  bars.Wiped();
  EXPECT_EQ(At(bars, 18, 20, 5s), 18u);
  EXPECT_EQ(At(bars, 0, 20, 0s), std::nullopt) << "it is not over";
}

}  // namespace
}  // namespace everstep
