// checks.yaml: what is shipped is whole, and a mistake is told with its place.
#include <gtest/gtest.h>

#include <set>

#include "health/catalogue/catalogue.h"

namespace everstep::health {
namespace {

std::string CheckFile(const std::string& id, const std::string& unit, const std::string& rules) {
  return "checks:\n  - id: " + id + "\n    what: x\n    reads: x\n    unit: " + unit + "\n" + rules +
         "    remedy: x\n    why: x\n    source: own\n";
}

std::string Refusal(const std::string& text) {
  const auto read = ReadChecks(text, "checks.yaml");
  return read ? "it was taken" : read.error().message;
}

TEST(ChecksFile, WhatIsShippedHasEveryCheckThatAProbeKnowsWithWhatToDoAboutIt) {
  const auto checks = ReadChecks(BuiltInChecksText(), "built in");
  ASSERT_TRUE(checks) << checks.error().Str();
  std::set<std::string> ids;
  for (const Check& check : *checks) {
    ids.insert(check.id);
    EXPECT_FALSE(check.remedy.empty() || check.why.empty() || check.source.empty()) << check.id;
  }
  for (const KnownCheck& known : KnownChecks()) EXPECT_TRUE(ids.contains(std::string(known.id))) << known.id;
}

TEST(ChecksFile, AnUnknownCheckIsRefusedWithTheOneThatWasMeant) {
  EXPECT_EQ(Refusal(CheckFile("cpu.onlin", "count", "")),
            "checks.yaml:2:5: checks[0].id: found the unknown check \"cpu.onlin\", legal: what a probe knows (everstep check "
            "--list), or "
            "one with `lines`; did you mean `cpu.online`?");
}

TEST(ChecksFile, ABadUnitIsRefusedAndSoIsAnotherChecksUnit) {
  EXPECT_EQ(Refusal(CheckFile("memory.size", "byte", "")),
            "checks.yaml:5:11: checks[0].unit: found \"byte\", legal: count, bytes, seconds, percent, celsius, megahertz, gbps "
            "or word; "
            "did you mean `bytes`?");
  EXPECT_EQ(Refusal(CheckFile("memory.size", "seconds", "")), "checks.yaml:5:5: checks[0].unit: found seconds, legal: bytes");
}

TEST(ChecksFile, AnInvertedLimitIsRefused) {
  EXPECT_EQ(Refusal(CheckFile("gpu.temperature", "celsius", "    warn: \"> 95\"\n    fail: \"> 85\"\n")),
            "checks.yaml:7:5: checks[0].fail: fails at \"> 85 °C\" before it warns at \"> 95 °C\": swap them");
  EXPECT_EQ(Refusal(CheckFile("mount.space", "percent", "    warn: \"< 5\"\n    fail: \"< 10\"\n")),
            "checks.yaml:7:5: checks[0].fail: fails at \"< 10 %\" before it warns at \"< 5 %\": swap them");
  EXPECT_EQ(Refusal(CheckFile("mount.space", "percent", "    warn: \"> 5\"\n    fail: \"< 10\"\n")),
            "checks.yaml:7:5: checks[0].fail: warns at \"> 5 %\" and fails at \"< 10 %\": both must point one way");
}

TEST(ChecksFile, ASignThatIsNoneIsToldWithThoseThatAre) {
  for (const char* rule : {">= 85", "<= 85", "=> 85", "= 85", "85"}) {
    const std::string refusal = Refusal(CheckFile("gpu.temperature", "celsius", "    fail: \"" + std::string(rule) + "\"\n"));
    EXPECT_NE(refusal.find("checks[0].fail: found \"" + std::string(rule) + "\", legal: <, >, == or != and a value"),
              std::string::npos)
        << refusal;
  }
}

TEST(ChecksFile, ALimitIsInTheUnitOfItsCheck) {
  EXPECT_EQ(Refusal(CheckFile("memory.size", "bytes", "    fail: \"< 16\"\n")),
            "checks.yaml:6:5: checks[0].fail: found \"< 16\", legal: a size such as 16GiB: \"16\"; write a unit: 16MiB");
  EXPECT_EQ(Refusal(CheckFile("cpu.online", "count", "    fail: \"< 16GiB\"\n")),
            "checks.yaml:6:5: checks[0].fail: found \"< 16GiB\", legal: a number without a unit: the check's unit is count");
  EXPECT_EQ(Refusal(CheckFile("clock.source", "word", "    fail: \"> tsc\"\n")),
            "checks.yaml:6:5: checks[0].fail: found \"> tsc\", legal: words are compared with == or !=");
  EXPECT_EQ(Refusal(CheckFile("cpu.online", "count", "    fail: \"!= profile cores\"\n")),
            "checks.yaml:6:5: checks[0].fail: found \"!= profile cores\", legal: a profile has no `cores`: accelerator, "
            "accelerators, "
            "cpus, efa, infiniband, memory, nvlinks, nvme, port_gbps");
}

TEST(ChecksFile, ACountersWindowWouldSeeOneEventAsManyStrikes) {
  const std::string counter = "    warn: \"> 0\"\n    window: 1h\n    strikes: 2\n";
  EXPECT_EQ(Refusal(CheckFile("efa.rx_drops", "count", counter)),
            "checks.yaml:8:5: checks[0].strikes: found 2, legal: 1: each look within the window sees the same growth again");
  EXPECT_EQ(Refusal(CheckFile("efa.keep_alive", "count", "    fail: \"< 1\"\n    window: 60s\n    strikes: 2\n")),
            "it was taken");
}

TEST(ChecksFile, ACheckStandsThereOnceAndItsPatternsAreRegularExpressions) {
  const std::string once = CheckFile("cpu.online", "count", "");
  EXPECT_EQ(Refusal(once + once.substr(once.find("  - id"))),
            "checks.yaml:9:5: checks[1].id: found cpu.online twice, legal: once");
  EXPECT_EQ(Refusal(CheckFile("kernel.own", "count", "    lines: ['a(b']\n")),
            "checks.yaml:6:13: checks[0].lines[0]: found \"a(b\", legal: a regular expression (RE2); missing ): a(b");
}

TEST(ChecksFile, ASiteAddsLinesOfTheKernelsLogWithoutCode) {
  const auto checks =
      ReadChecks(CheckFile("kernel.own_card", "count", "    fail: \"> 0\"\n    lines: ['mycard: dead']\n"), "f");
  ASSERT_TRUE(checks) << checks.error().Str();
  EXPECT_EQ(checks->front().lines, std::vector<std::string>{"mycard: dead"});
}

}  // namespace
}  // namespace everstep::health
