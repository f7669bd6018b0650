#include "collectives/core/waits.h"

#include <gtest/gtest.h>

namespace everstep {
namespace {

// In a ring rank r waits for rank r - 1: when rank 1 is slow, 2 waits for 1, 3 for 2, 0 for 3; 1 waits for nobody.
TEST(Waits, TheRankThatIsWaitedForAndDoesNotWaitIsToBlameNotThoseWhoPassTheDelayOn) {
  const std::vector<RankWaits> waits = ReadWaits({{0, 0, 0, 0.9}, {0.05, 0, 0, 0}, {0, 1.0, 0, 0}, {0, 0, 0.95, 0}});
  EXPECT_EQ(waits[0].rank, 1u);
  EXPECT_DOUBLE_EQ(waits[0].waited_for, 1.0);
  EXPECT_DOUBLE_EQ(waits[0].waited, 0.05);
  EXPECT_EQ(WaitsText(waits, 2, 1), "rank 1 was waited for 1 s and waited 0.05 s itself");
}

TEST(Waits, WhereNobodyWaitsForLongNobodyIsNamed) {
  EXPECT_EQ(WaitsText(ReadWaits({{0, 0.001}, {0.001, 0}}), 2, 3), "");
  EXPECT_EQ(WaitsText(ReadWaits({{0}}), 1, 3), "");
}

}  // namespace
}  // namespace everstep
