// What a job's preflight says of a host: what fails, and what could not be read, by the policy for it.
#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>

#include "health/scan/command.h"

namespace everstep::health {
namespace {

using Lines = std::vector<std::string>;

ScanReport Report() {
  return {.verdicts = {{.check = "gpu.count", .state = State::fail, .why = "7, and != 8 is bad"},
                       {.check = "mount.space", .scope = "/data", .state = State::unknown, .why = "no answer"},
                       {.check = "mount.space", .scope = "/ckpt", .state = State::unknown, .why = "no answer"},
                       {.check = "efa.keep_alive", .state = State::unknown, .why = "looked at for 1 s only"},
                       {.check = "cpu.online", .why = "8"}},
          .takes_longer = {"efa.keep_alive"}};
}

TEST(PreflightFindings, WhatCouldNotBeReadIsAWarningAndBlocksNothing) {
  EXPECT_EQ(PreflightFindings(Report(), false), (Lines{"FAIL gpu.count: 7, and != 8 is bad", "UNKNOWN 1 check: mount.space"}));
}

TEST(PreflightFindings, WhereTheUnknownBlocksItFailsButNotWhatNoLookCouldTell) {
  EXPECT_EQ(PreflightFindings(Report(), true),
            (Lines{"FAIL gpu.count: 7, and != 8 is bad", "FAIL /data: mount.space: no answer (preflight.unknown: block)",
                   "FAIL /ckpt: mount.space: no answer (preflight.unknown: block)"}));
}

TEST(PreflightFindings, OfManyTheFirstAreNamed) {
  ScanReport report;
  for (const char* check : {"a", "b", "c", "d", "e", "f"}) report.verdicts.push_back({.check = check, .state = State::unknown});
  EXPECT_EQ(PreflightFindings(report, false), (Lines{"UNKNOWN 6 checks: a, b, c, d and 2 more"}));
}

TEST(PreflightFindings, TheFlagTakesOneOfTwoWords) {
  const char* const words[] = {"preflight", "--unknown", "maybe"};
  const auto command = ScanCommandFrom(3, words);
  ASSERT_FALSE(command);
  EXPECT_EQ(command.error().message, "--unknown: found maybe, legal: pass or block");
}

// A monitoring system takes Nagios' 2 for a host that is bad, and pages somebody.
TEST(ScanCommand, OneThatIsMisusedIsUnknownToNagiosAndNoCritical) {
  const auto run = [](std::vector<const char*> argv) {
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int code = RunScanCommand(static_cast<int>(argv.size()), argv.data());
    const std::string out = testing::internal::GetCapturedStdout(), err = testing::internal::GetCapturedStderr();
    return std::tuple(code, out, err);
  };
  const auto [code, out, err] = run({"scan", "--nagios", "--profile", "p55"});
  EXPECT_EQ(code, 3);
  EXPECT_EQ(out.find("HEALTH UNKNOWN - everstep-agent scan: there is no profile p55; "), 0u) << out;
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 1) << out;
  EXPECT_EQ(err, "");
  EXPECT_EQ(std::get<0>(run({"scan", "--nagios", "--nagoos"})), 3);
  EXPECT_EQ(std::get<0>(run({"scan", "--nagoos"})), 2);
}

}  // namespace
}  // namespace everstep::health
