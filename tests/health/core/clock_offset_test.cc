// This host's clock against the launcher's: only what the way there and back cannot explain.
#include "health/core/clock_offset.h"

#include <gtest/gtest.h>

namespace everstep::health {
namespace {

constexpr Time At(Duration d) { return Time(d); }

// The acknowledgement was made in the middle of the way; the host's clock is `ahead` of the launcher's.
ClockHeard Heard(Duration round_trip, Duration ahead) {
  constexpr Duration kNoon = 1000h;
  return {.round_trip = round_trip, .launcher = {kNoon.count()}, .own = {(kNoon + round_trip / 2 + ahead).count()}};
}

double Offset(Duration round_trip, Duration ahead) { return *ClockOffset().Take(Heard(round_trip, ahead), At(1s))->number; }

TEST(ClockOffset, WhatTheWayMayExplainIsTakenOff) {
  EXPECT_DOUBLE_EQ(Offset(10ms, 2s), 1.995);
  EXPECT_DOUBLE_EQ(Offset(10ms, -2s), 1.995);
  EXPECT_EQ(Offset(10ms, 4ms), 0);
  EXPECT_EQ(Offset(5s, 2s), 0) << "an answer that took so long proves nothing";
}

TEST(ClockOffset, TheReadingSaysWhichWayAndHowSureItIs) {
  EXPECT_EQ(ClockOffset().Take(Heard(20ms, 2s), At(1s))->evidence, "this clock is 2 s ahead of the launcher's, within 10 ms");
  EXPECT_EQ(ClockOffset().Take(Heard(20ms, -2s), At(1s))->evidence, "this clock is 2 s behind the launcher's, within 10 ms");
}

TEST(ClockOffset, EveryTenSecondsTheSurestOfThemIsTold) {
  ClockOffset offset;
  EXPECT_TRUE(offset.Take(Heard(10ms, 0s), At(1s)));
  EXPECT_FALSE(offset.Take(Heard(8s, 3s), At(2s)));
  EXPECT_FALSE(offset.Take(Heard(2ms, 3s), At(6s)));
  const auto told = offset.Take(Heard(9s, 3s), At(11s));
  ASSERT_TRUE(told);
  EXPECT_DOUBLE_EQ(*told->number, 2.999);
}

}  // namespace
}  // namespace everstep::health
