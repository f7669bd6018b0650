#include "launcher/cli/when.h"

#include <gtest/gtest.h>

#include <ctime>
#include <utility>

namespace everstep {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kTen = 1'795'687'200;  // 2026-11-26 10:00:00 UTC
constexpr WallTime kNow{kTen * kSecond + 5};

// In seconds.
std::int64_t At(const char* text) {
  const auto when = ParseWhen(text, kNow);
  EXPECT_TRUE(when && when->at) << text;
  return when && when->at ? when->at->ns / kSecond : 0;
}

std::int64_t Local(int hour, int minute, int second) {
  const std::time_t ten = kTen;
  std::tm time{};
  localtime_r(&ten, &time);
  time.tm_hour = hour, time.tm_min = minute, time.tm_sec = second, time.tm_isdst = -1;
  return std::mktime(&time);
}

TEST(When, LengthsAreCountedFromNowAndTimesAreLocalUnlessTheySayOtherwise) {
  EXPECT_EQ(At("2026-11-26T10:00:00Z"), kTen);
  EXPECT_EQ(At("2026-11-26T10:00:07.123456789Z"), kTen + 7);
  EXPECT_EQ(At("2026-11-26 10:00Z"), kTen);
  EXPECT_EQ(At("2026-11-26T12:00:30") - At("2026-11-26 12:00"), 30);
  EXPECT_EQ(At("12:00:01"), Local(12, 0, 1));
  EXPECT_EQ(At("09:30"), Local(9, 30, 0));
  EXPECT_EQ(At("12:00") - At("00:00"), 12 * 3600);
  EXPECT_EQ(ParseWhen("10min", kNow)->ago, Duration(10min));
  EXPECT_EQ(ParseWhen("0s", kNow)->ago, Duration(0));
}

TEST(When, WhatIsNeitherIsRefusedWithWhatWouldBe) {
  for (const char* text : {"", "yesterday", "10", "10:99", "2026-13-01", "2026-11-26T10:00:00+1", "12:00Z", "-5min"}) {
    const auto when = ParseWhen(text, kNow);
    ASSERT_FALSE(when) << text;
    EXPECT_NE(when.error().message.find("legal: a length such as 90s"), std::string::npos);
  }
  EXPECT_EQ(ParseWhen("10", kNow).error().hint, "write a unit: 10s");
}

}  // namespace
}  // namespace everstep
