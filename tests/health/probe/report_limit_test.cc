// A report has a limit, keeps what is gravest, and says what is missing.
#include <gtest/gtest.h>

#include "base/text.h"
#include "health/scan/command.h"
#include "health/scan/report_text.h"

namespace everstep::health {
namespace {

// Many good values, and in the midst of them one of each that is not.
ScanReport Long() {
  ScanReport report{.profile_why = "profile x"};
  for (int i = 0; i < 100; ++i) {
    const State state = i == 50 ? State::fail : i == 40 ? State::unknown : i == 60 ? State::warn : State::ok;
    report.verdicts.push_back({.check = Cat("check.", i), .state = state, .why = std::string(100, 'w')});
  }
  return report;
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines = Split(text, '\n');
  lines.pop_back();
  return lines;
}

TEST(ReportLimit, WhatFitsIsWhole) {
  EXPECT_EQ(Lines(ReportJson(Long(), "n1")).size(), 100u);
  EXPECT_EQ(ReportText(Long(), true).find("cut"), std::string::npos);
  const std::string whole = ReportJson(Long(), "n1");
  EXPECT_EQ(ReportJson(Long(), "n1", whole.size()), whole);
}

TEST(ReportLimit, OfWhatMustBeTheSameOnAllHostsTheLineSaysSoAndOfNothingElse) {
  ScanReport report = Long();
  report.same = {"check.7"};
  const std::vector<std::string> lines = Lines(ReportJson(report, "n1"));
  for (std::size_t i = 0; i < lines.size(); ++i)
    EXPECT_EQ(lines[i].find("\"same\":true") != std::string::npos, i == 7) << lines[i];
}

TEST(ReportLimit, EachLineSaysByWhichProfileItWasJudged) {
  ScanReport report = Long();
  report.kind = "cpu";
  report.product = "ProLiant DL380";
  for (const std::string& line : Lines(ReportJson(report, "n1")))
    EXPECT_NE(line.find(R"("profile":"cpu","product":"ProLiant DL380")"), std::string::npos) << line;
}

TEST(ReportLimit, JsonKeepsTheGravestInTheirOrderAndSaysHowManyAreLeftOut) {
  const std::string cut = ReportJson(Long(), "n1", 3000);
  const std::vector<std::string> lines = Lines(cut);
  ASSERT_GT(lines.size(), 4u);
  const std::size_t kept = lines.size() - 1;
  EXPECT_LE(cut.size() - lines.back().size() - 1, 3000u);
  for (const char* check : {"check.40\"", "check.50\"", "check.60\"", "check.0\""})
    EXPECT_NE(cut.find(check), std::string::npos) << check;
  EXPECT_LT(cut.find("check.40\""), cut.find("check.50\""));
  EXPECT_EQ(cut.find("check.99\""), std::string::npos);
  EXPECT_NE(lines.back().find("\"check\":\"scan.report\",\"scope\":\"\",\"status\":\"unknown\""), std::string::npos)
      << lines.back();
  EXPECT_NE(lines.back().find(
                Cat("the report was cut at 3000 bytes: ", 100 - kept, " of 100 verdicts are left out, the least grave")),
            std::string::npos)
      << lines.back();
}

TEST(ReportLimit, TextIsCutBehindALineAndItsCountsStay) {
  const std::string cut = ReportText(Long(), true, 1000);
  const std::vector<std::string> lines = Lines(cut);
  EXPECT_TRUE(lines[0].starts_with("FAIL     check.50: www")) << lines[0];
  const std::size_t whole = Lines(ReportText(Long(), true)).size(), without_mark = lines.size() - 1;
  ASSERT_GT(lines.size(), 4u);
  EXPECT_EQ(lines[lines.size() - 4],
            Cat("…        the report was cut at 1000 bytes: ", whole - without_mark, " lines are left out"));
  EXPECT_EQ(lines.back(), "97 OK, 1 WARN, 1 FAIL, 1 UNKNOWN; 0 checks do not apply here");
}

TEST(ReportLimit, TheLimitIsAFlag) {
  const auto taken = [](const char* size) {
    const char* flags[] = {"scan", "--report-max", size};
    const auto command = ScanCommandFrom(3, flags);
    return command ? Cat(command->report_max) : command.error().Str();
  };
  EXPECT_EQ(taken("64KiB"), "65536");
  EXPECT_EQ(taken("1KiB"), "--report-max: found 1KiB, legal: 4KiB to 64MiB");
}

}  // namespace
}  // namespace everstep::health
