#include "base/real/clock.h"

#include <gtest/gtest.h>

#include <ctime>

namespace everstep {
namespace {

TEST(RealClock, NowIsTheBootClockAndNeverGoesBack) {
  RealClock clock;
  timespec boot{};
  clock_gettime(CLOCK_BOOTTIME, &boot);
  const Time before = AtNanoseconds(boot.tv_sec * 1'000'000'000 + boot.tv_nsec);
  const Time first = clock.Now();
  const Time second = clock.Now();
  EXPECT_LE(before, first);
  EXPECT_LE(first, second);
}

TEST(RealClock, WallCountsFrom1970) {
  RealClock clock;
  EXPECT_GE(clock.Wall().ns / 1'000'000'000, std::int64_t{std::time(nullptr)} - 1);
}

}  // namespace
}  // namespace everstep
