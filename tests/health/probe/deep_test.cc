// The deep look: healthy cores and memory give no finding, one bit that is turned on one core gives exactly its verdict.
#include "health/probe/deep.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>

#include "base/text.h"
#include "health/probe/deep_work.h"
#include "health/scan/command.h"
#include "health/scan/report_text.h"
#include "health/scan/scan.h"
#include "tests/health/probe/sick_host.h"

namespace everstep::health {
namespace {

using Words = std::vector<std::string>;

// On this machine, as two cores with little memory.
ScanReport DeepScan(const std::optional<Tamper>& tamper) {
  const auto catalogue = LoadCatalogue("");
  const ScanOptions options{.deep = {.time = 200ms, .cores = 2, .bytes_max = 64u << 20, .tamper = tamper}};
  std::vector<Probe> deep;
  for (Probe& probe : HostProbes(options, *catalogue, {}))
    if (probe.name == "deep") deep.push_back(std::move(probe));
  const ScanWorld world{.let_time_pass = [] {}, .now = [] { return Time(); }};
  ScanReport report = Judged(*catalogue, *ChooseProfile(*catalogue, {.wanted = "cpu"}), deep, world);
  std::erase_if(report.verdicts, [](const Verdict& verdict) { return !verdict.check.starts_with("deep."); });
  return report;
}

const Verdict& Of(const ScanReport& report, const std::string& check) {
  for (const Verdict& verdict : report.verdicts)
    if (verdict.check == check) return verdict;
  static const Verdict kNone{.why = "it is not there"};
  return kNone;
}

Words BadChecks(const ScanReport& report) {
  Words bad;
  for (const Verdict& verdict : report.verdicts)
    if (verdict.state != State::ok) bad.push_back(Cat(Name(verdict.state), ' ', verdict.check));
  return bad;
}

TEST(Deep, AHealthyHostGivesAChecksumARateAndNoFinding) {
  const ScanReport report = DeepScan({});
  ASSERT_EQ(report.verdicts.size(), 3u);
  EXPECT_EQ(BadChecks(report), Words());
  EXPECT_GT(Of(report, "deep.bandwidth").measured.value_or(0), 0);
  EXPECT_EQ(Of(report, "deep.compute").value.size(), 16u) << Of(report, "deep.compute").value;
  EXPECT_NE(Of(report, "deep.compute").scope, "");
  EXPECT_EQ(Of(report, "deep.stress").value, "0");
  EXPECT_EQ(Of(report, "deep.compute").value, Of(DeepScan({}), "deep.compute").value);  // another look, the same word
}

TEST(Deep, ABitThatTurnsOnOneCoreInOneRunFailsTheCompareAndNothingElse) {
  for (const unsigned bit : {0u, 51u}) {
    const ScanReport report = DeepScan(Tamper{.at = TamperAt::compute, .core = 1, .bit = bit});
    EXPECT_EQ(BadChecks(report), Words{"fail deep.compute"}) << bit;
    EXPECT_EQ(Of(report, "deep.compute").value, "differs");
    EXPECT_EQ(Of(report, "deep.compute").action, Action::replace);
  }
}

TEST(Deep, ABitThatTurnsUnderStressIsOneWrongResult) {
  const ScanReport report = DeepScan(Tamper{.at = TamperAt::stress, .core = 0, .bit = 7});
  EXPECT_EQ(BadChecks(report), Words{"fail deep.stress"});
  EXPECT_EQ(Of(report, "deep.stress").value, "1");
  EXPECT_EQ(Of(report, "deep.stress").evidence.substr(0, 5), "1 of ") << Of(report, "deep.stress").evidence;
}

TEST(Deep, ABitThatTurnsInMemoryIsOneWrongWord) {
  const ScanReport report = DeepScan(Tamper{.at = TamperAt::memory, .core = 1, .bit = 63});
  EXPECT_EQ(BadChecks(report), Words{"fail deep.stress"});
  EXPECT_EQ(Of(report, "deep.stress").value, "1");
  EXPECT_EQ(Of(report, "deep.stress").evidence.substr(0, 5), "0 of ") << Of(report, "deep.stress").evidence;
  EXPECT_NE(Of(report, "deep.stress").evidence.find(" and 1 of "), std::string::npos) << Of(report, "deep.stress").evidence;
}

TEST(Deep, WhatNobodyAskedForIsNotMadeAndIsNoUnknown) {
  const auto catalogue = LoadCatalogue("");
  for (const Probe& probe : HostProbes({}, *catalogue, {})) EXPECT_NE(probe.name, "deep");
  EXPECT_EQ(DeepScan({}).verdicts.size(), 3u);
  const ScanWorld world{.let_time_pass = [] {}, .now = [] { return Time(); }};
  const ScanReport report = Judged(*catalogue, *ChooseProfile(*catalogue, {.wanted = "cpu"}), {}, world);
  for (const Verdict& verdict : report.verdicts) EXPECT_FALSE(verdict.check.starts_with("deep.")) << verdict.check;
}

TEST(Deep, TheCoreThatComputesSomethingElseIsNamedWithHowOften) {
  const Reading once = ComputeReading("CPU", {{.cpu = 0, .sums = {1, 1}}, {.cpu = 5, .sums = {2, 1}}});
  EXPECT_EQ(once.word, "differs");
  EXPECT_EQ(once.evidence,
            "3 of 4 runs gave 0000000000000001, on CPU 0 and CPU 5; 1 of 4 runs gave 0000000000000002, on CPU 5");
  const Reading always = ComputeReading("CPU", {{.cpu = 0, .sums = {1, 1}}, {.cpu = 1, .sums = {2, 2}}});
  EXPECT_EQ(always.word, "differs");
  const Reading good = ComputeReading("EPYC", {{.cpu = 0, .sums = {255, 255}}, {.cpu = 1, .sums = {255}}});
  EXPECT_EQ(good.word, "00000000000000ff");
  EXPECT_EQ(good.scope, "EPYC");
  EXPECT_EQ(good.evidence, "the same in 3 runs on 2 cores");
}

TEST(Deep, TheRateIsTheBestOfThePasses) {
  const Reading reading = BandwidthReading({.bytes = 1u << 30, .passes = {2e9, 4e9, 3e9}, .cores = 8});
  EXPECT_EQ(reading.number, 4e9);
  EXPECT_EQ(reading.evidence.substr(0, 44), "the best of 3 copies of 1 GiB by 8 cores: 3.") << reading.evidence;
}

TEST(Deep, EveryBitOfTheArithmeticCounts) {
  const std::uint64_t good = ComputeSum(kDeepSeed, 20);
  EXPECT_EQ(ComputeSum(kDeepSeed, 20), good);
  EXPECT_NE(ComputeSum(kDeepSeed + 1, 20), good);
  for (unsigned bit = 0; bit < 52; ++bit) EXPECT_NE(ComputeSum(kDeepSeed, 20, bit), good) << bit;
}

TEST(Deep, EachPatternWritesEachBitBothWaysAndOneWrongWordIsOne) {
  std::vector<std::uint64_t> words(64), zeros(64, ~std::uint64_t{0}), ones(64, 0);
  for (std::uint64_t pass = 0; pass < 4; ++pass) {
    WritePattern(words, pass);
    EXPECT_EQ(WrongWords(words, pass), 0u);
    for (std::size_t i = 0; i < words.size(); ++i) {
      zeros[i] &= words[i];
      ones[i] |= words[i];
    }
    words[9] ^= 1;
    EXPECT_EQ(WrongWords(words, pass), 1u) << pass;
  }
  for (std::size_t i = 0; i < words.size(); ++i) {
    EXPECT_EQ(zeros[i], 0u);
    EXPECT_EQ(ones[i], ~std::uint64_t{0});
  }
}

TEST(Deep, ThePartsTakeTheTimeThatIsAskedForAndTheDeadlineFollows) {
  const DeepPlan brief = DeepPlanOf(2s), lengthy = DeepPlanOf(1200s);
  EXPECT_EQ(brief.bandwidth + brief.compute + brief.stress, 2s);
  EXPECT_EQ(brief.stress, 1s);
  EXPECT_EQ(lengthy.stress, 1196s);
  EXPECT_GT(DeepDeadline(1200s), 1200s);
}

TEST(Deep, AProfileMaySetALimitForTheRate) {
  const auto catalogue = LoadCatalogue("");
  const auto profiles = ReadProfile("name: mine\nabout: x\nlimits:\n  - {check: deep.bandwidth, warn: \"< 300GiB\"}\n",
                                    "mine.yaml", catalogue->checks);
  ASSERT_TRUE(profiles) << profiles.error().Str();
  const Reading slow = BandwidthReading({.bytes = 1u << 30, .passes = {200e9}, .cores = 8});
  const Check check = Effective(*catalogue->Find("deep.bandwidth"), profiles->front());
  EXPECT_EQ(Judge(check, slow, profiles->front())->state, State::warn);
}

TEST(Deep, ARecordedTreeHasNoCoresToMeasure) {
  ScanOptions options{.deep = {.time = 200ms}};
  EXPECT_EQ(Bad(ScanOf({}, options)),
            (Words{"unknown deep.bandwidth", "unknown deep.compute", "unknown deep.stress", "unknown deep.gpu_bandwidth",
                   "unknown deep.gpu_link", "unknown deep.gpu_compute", "unknown deep.gpu_stress"}));
}

TEST(Deep, AProbeThatWantsTheHostForItselfBeginsWhenTheOthersHaveEnded) {
  const Tree tree("== /other\nx\n");
  const auto ended = tree.root() + "/ended";
  const Probe alone{.name = "alone", .alone = true, .run = [ended](Sink& sink) {
                      sink.Number("alone", "", ::access(ended.c_str(), F_OK) == 0 ? 1 : 0, "");
                    }};
  const Probe other{.name = "other", .run = [ended](Sink& sink) {
                      for (int i = 0; i < 1000; ++i) sink.Number("x", std::to_string(i), i, std::string(100, 'x'));
                      if (FILE* file = std::fopen(ended.c_str(), "w")) std::fclose(file);
                    }};
  const auto results = RunProbes({alone, other});
  EXPECT_EQ(results[0].readings.at(0).number, 1);
  EXPECT_EQ(results[1].readings.size(), 1000u);
}

Result<ScanCommand> Told(std::vector<const char*> flags) {
  flags.insert(flags.begin(), "scan");
  return ScanCommandFrom(static_cast<int>(flags.size()), flags.data());
}

TEST(Deep, TheTimeIsAFlagWithBounds) {
  EXPECT_EQ(Told({})->options.deep.time, Duration());
  EXPECT_EQ(Told({"--deep", "0s"})->options.deep.time, Duration());
  EXPECT_EQ(Told({"--deep", "20min"})->options.deep.time, 20min);
  EXPECT_EQ(Told({"--deep", "1ms"}).error().Str(), "--deep: found 1ms, legal: 0s, or 200ms to 24h");
}

}  // namespace
}  // namespace everstep::health
