#include "base/progress/pace.h"

#include <gtest/gtest.h>

namespace everstep {
namespace {

Time At(Duration d) { return AtNanoseconds(0) + 1h + d; }

TEST(Pace, OneStepIsNoPace) {
  Pace pace;
  EXPECT_EQ(pace.step_time(), std::nullopt);
  pace.Add(At(0s), 1);
  EXPECT_EQ(pace.step_time(), std::nullopt);
  pace.Add(At(9s), 1);
  EXPECT_EQ(pace.step_time(), std::nullopt);
}

TEST(Pace, ItIsTheMeanOfTheLastHalfMinute) {
  Pace pace;
  std::uint64_t step = 0;
  for (int s = 0; s < 60; ++s) pace.Add(At(std::chrono::seconds(s)), step += 10);
  EXPECT_EQ(pace.step_time(), 100ms);
  for (int s = 60; s < 95; ++s) pace.Add(At(std::chrono::seconds(s)), ++step);
  EXPECT_EQ(pace.step_time(), 1s);
}

TEST(Pace, SlowStepsAreKeptHoweverOld) {
  Pace pace;
  for (int i = 1; i <= 20; ++i) pace.Add(At(i * 2min), static_cast<std::uint64_t>(i));
  EXPECT_EQ(pace.step_time(), 2min);
}

TEST(Pace, TheJumpToWhereARunGoesOnIsNoPace) {
  Pace pace;
  pace.Add(At(0s), 0);
  pace.Add(At(1s), 5000);
  pace.Add(At(3s), 5001);
  EXPECT_EQ(pace.step_time(), 2s);
}

TEST(Pace, AStepBackStartsANewCount) {
  Pace pace;
  pace.Add(At(0s), 100);
  pace.Add(At(10s), 200);
  pace.Add(At(11s), 50);
  EXPECT_EQ(pace.step_time(), std::nullopt);
  pace.Add(At(13s), 51);
  EXPECT_EQ(pace.step_time(), 2s);
}

TEST(Pace, AThousandStepsASecondNeedNoMoreMarksThanOne) {
  Pace pace;
  for (int i = 1; i <= 100'000; ++i) pace.Add(At(i * 1ms), static_cast<std::uint64_t>(i));
  EXPECT_EQ(pace.step_time(), 1ms);
}

}  // namespace
}  // namespace everstep
