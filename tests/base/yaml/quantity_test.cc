#include "base/yaml/quantity.h"

#include <gtest/gtest.h>

namespace everstep {
namespace {

TEST(Duration, EachUnitReadsAndWritesBackTheSame) {
  const std::vector<std::pair<std::string, Duration>> rows{
      {"500ms", 500ms}, {"90s", 90s}, {"3.3s", 3300ms},  {"1500us", 1500us}, {"10min", 10min},
      {"90min", 90min}, {"6h", 6h},   {"90d", 24h * 90}, {"0s", 0s},         {"1250ms", 1250ms}};
  for (const auto& [text, duration] : rows) {
    EXPECT_EQ(ParseDuration(text), duration) << text;
    EXPECT_EQ(WriteDuration(duration), text);
  }
  EXPECT_EQ(ParseDuration("0.25s"), Duration(250ms));
  EXPECT_EQ(ParseDuration("1.5h"), Duration(90min));
}

TEST(Duration, WhatPeopleAlsoWriteIsNamedWithTheRightSpelling) {
  const std::vector<std::pair<std::string, std::string>> rows{
      {"90", "write a unit: 90s"}, {"10m", "write 10min"}, {"5 min", "write 5min"}, {"2hours", ""}, {"3 days", "write 3d"}};
  for (const auto& [text, hint] : rows) {
    const auto duration = ParseDuration(text);
    ASSERT_FALSE(duration) << text;
    EXPECT_EQ(duration.error().message, '"' + text + '"');
    EXPECT_EQ(duration.error().hint, text == "2hours" ? "write 2h" : hint);
  }
}

TEST(Duration, NonsenseAndOverflowAreRefused) {
  for (const char* text :
       {"", "s", "-5s", "+5s", "1.s", ".5s", "1.2.3s", "1e3s", "99999999999d", "0x10s", "1h30min", "0.0000000001s"})
    EXPECT_FALSE(ParseDuration(text)) << text;
}

TEST(Size, EachUnitReadsAndWritesBackTheSame) {
  const std::vector<std::pair<std::string, std::uint64_t>> rows{
      {"512B", 512}, {"64MiB", 64u << 20}, {"1GiB", 1u << 30}, {"500MB", 500'000'000}, {"0B", 0}, {"1kB", 1000}};
  for (const auto& [text, bytes] : rows) {
    EXPECT_EQ(ParseSize(text), bytes) << text;
    EXPECT_EQ(WriteSize(bytes), text);
  }
  EXPECT_EQ(ParseSize("64M").error().hint, "write 64MiB");
  EXPECT_EQ(ParseSize("64").error().hint, "write a unit: 64MiB");
  EXPECT_FALSE(ParseSize("99999999TiB"));
  EXPECT_FALSE(ParseSize("0.3B"));
}

}  // namespace
}  // namespace everstep
