// What is shown of a check while it runs.
#include "launcher/cli/check_progress.h"

#include <gtest/gtest.h>

#include "launcher/cli/live_lines.h"

namespace everstep {
namespace {

using Lines = std::vector<std::string>;

JobView Job(JobPhase phase) {
  return {.id = JobId("check-1"),
          .phase = phase,
          .why = "needs 2 hosts, 1 fits",
          .hosts = {{.node = NodeId("n2")}, {.node = NodeId("n1")}}};
}
LogChunk Says(std::uint32_t rank, const std::string& bytes) { return {.rank = rank, .bytes = bytes}; }
constexpr const char* kOk = "{\"v\":1,\"check\":\"cpu.online\",\"status\":\"ok\"}\n";
constexpr const char* kFail = "{\"v\":1,\"check\":\"gpu.count\",\"status\":\"fail\"}\n";

Lines PhasesOf(const CheckProgress& progress) {
  Lines phases;
  for (const auto& row : progress.Rows()) phases.push_back(row.node + ' ' + row.phase);
  return phases;
}

TEST(CheckProgress, AHostWaitsLooksAtItselfTriesTheNetworkAndIsWellOrNot) {
  CheckProgress progress({"n1", "n2"}, true);
  EXPECT_EQ(PhasesOf(progress), (Lines{"n1 waiting", "n2 waiting"}));
  progress.On(Job(JobPhase::preparing));
  EXPECT_EQ(PhasesOf(progress), (Lines{"n2 preparing", "n1 preparing"})) << "by rank";
  progress.On(Job(JobPhase::running));
  EXPECT_EQ(PhasesOf(progress), (Lines{"n2 scanning", "n1 scanning"}));
  progress.On(Says(0, kOk));
  progress.On(Says(1, std::string(kOk).substr(0, 20)));
  EXPECT_EQ(PhasesOf(progress), (Lines{"n2 network", "n1 scanning"})) << "half a line says nothing";
  progress.On(Says(1, std::string(kOk).substr(20) + kFail));
  EXPECT_EQ(progress.Rows()[1].found, "1 OK, 1 FAIL");
  progress.On(Job(JobPhase::done));
  EXPECT_EQ(PhasesOf(progress), (Lines{"n2 OK", "n1 FAIL"}));
}

TEST(CheckProgress, AHostAloneHasNoNetworkToTry) {
  CheckProgress progress({"n1"}, false);
  progress.On(Job(JobPhase::running));
  progress.On(Says(0, kOk));
  EXPECT_EQ(progress.Rows()[0].phase, "OK");
}

TEST(CheckProgress, OnATerminalThereIsALineForEachHostAndWhatItWaitsFor) {
  CheckProgress progress({"n1", "n2"}, true);
  JobView queued = Job(JobPhase::queued);
  queued.hosts.clear();
  progress.On(queued);
  EXPECT_EQ(CheckLines(progress, 3500ms, 24, 80),
            (Lines{"checking 2 hosts · 3 s · needs 2 hosts, 1 fits", "NODE  PHASE    ITS OWN CHECKS", "n1    waiting  -",
                   "n2    waiting  -"}));
  EXPECT_EQ(CheckLines(progress, 3500ms, 3, 80).back(), "waiting  2      n[1-2]") << "more than fit are counted";
}

TEST(CheckProgress, ElsewhereEachChangeIsALineForAllThatHaveMadeIt) {
  CheckProgress progress({"n1", "n2"}, true);
  const auto before = progress.Rows();
  EXPECT_EQ(CheckNews({}, before), Lines{"n[1-2]: waiting"});
  progress.On(Job(JobPhase::running));
  progress.On(Says(0, kOk));
  EXPECT_EQ(CheckNews(before, progress.Rows()), (Lines{"n2: network", "n1: scanning"}));
  EXPECT_EQ(CheckNews(progress.Rows(), progress.Rows()), Lines());
}

LogChunk Rounds(const std::string& bytes, std::uint32_t rank = 0) { return {.rank = rank, .is_stderr = true, .bytes = bytes}; }

CheckProgress InTheNetwork() {
  CheckProgress progress({"n1", "n2"}, true);
  progress.On(Job(JobPhase::running));
  progress.On(Says(0, kOk));
  progress.On(Says(1, kOk));
  return progress;
}

TEST(CheckProgress, TheRoundsOfTheNetworkAreShownWithWhoIsAwaitedAndWhoWaits) {
  CheckProgress progress = InTheNetwork();
  EXPECT_EQ(progress.Rounds(), std::nullopt) << "an older probe tells nothing of them";
  progress.On(Rounds("everstep-agent: UNKNOWN 1 check: kernel.log\neverstep-probe: round 3 of 63: pa"));
  EXPECT_EQ(progress.Rounds(), std::nullopt) << "half a line says nothing";
  progress.On(Rounds("irs\n"));
  EXPECT_EQ(CheckLines(progress, 3500ms, 24, 80).front(), "checking 2 hosts · 3 s · network: round 3 of 63: pairs");
  EXPECT_EQ(PhasesOf(progress), (Lines{"n2 network", "n1 network"}));
  progress.On(Rounds("everstep-probe: waits 1\n"));
  EXPECT_EQ(CheckLines(progress, 3500ms, 24, 80).front(),
            "checking 2 hosts · 3 s · network: round 3 of 63: pairs, waits for n1");
  EXPECT_EQ(PhasesOf(progress), (Lines{"n2 waits", "n1 awaited"}));
  progress.On(Rounds("everstep-probe: round 4 of 63: pairs\n"));
  EXPECT_EQ(PhasesOf(progress), (Lines{"n2 network", "n1 network"}));
  progress.On(Job(JobPhase::done));
  EXPECT_EQ(progress.Rounds(), std::nullopt);
}

TEST(CheckProgress, WhoIsAwaitedBeforeTheFirstRoundIsShownToo) {
  CheckProgress progress = InTheNetwork();
  progress.On(Rounds("everstep-probe: waits 1\n"));
  EXPECT_EQ(CheckLines(progress, 3500ms, 24, 80).front(), "checking 2 hosts · 3 s · network: the hosts meet, waits for n1");
}

TEST(CheckProgress, WhatIsNoRoundOrNotOfRankZeroIsNotShown) {
  CheckProgress progress = InTheNetwork();
  progress.On(Rounds("everstep-probe: round 1 of 4: pairs\n", 1));
  for (const char* line : {"everstep-probe: round 5 of 4: pairs\n", "everstep-probe: round x of 4: pairs\n",
                           "everstep-probe: round 0 of 4: pairs\n", "everstep-probe: round 1 of 4\n"})
    progress.On(Rounds(line));
  EXPECT_EQ(progress.Rounds(), std::nullopt);
  progress.On(Rounds("everstep-probe: round 1 of 4: pairs\neverstep-probe: waits 1,7\neverstep-probe: waits 7-1\n"));
  EXPECT_EQ(progress.Rounds()->awaited, Lines()) << "no list of ranks";
}

TEST(CheckProgress, ElsewhereAStageIsALineSoIsWhoIsAwaitedAndTheRestNowAndThen) {
  CheckProgress progress = InTheNetwork();
  const auto rows = progress.Rows();
  RoundNews news;
  const auto told = [&](const std::string& line, Time at) {
    progress.On(Rounds(line + '\n'));
    return news.Of(progress.Rounds(), at).value_or("-");
  };
  EXPECT_EQ(told("everstep-probe: round 1 of 63: pairs", Time(1s)), "network: round 1 of 63: pairs");
  EXPECT_EQ(told("everstep-probe: round 2 of 63: pairs", Time(2s)), "-");
  EXPECT_EQ(told("everstep-probe: waits 0", Time(3s)), "network: round 2 of 63: pairs, waits for n2");
  EXPECT_EQ(CheckNews(rows, progress.Rows()), Lines()) << "it is told once";
  EXPECT_EQ(told("everstep-probe: waits 0", Time(4s)), "-");
  EXPECT_EQ(told("everstep-probe: round 20 of 63: pairs", Time(12s)), "-");
  EXPECT_EQ(told("everstep-probe: round 31 of 63: pairs", Time(14s)), "network: round 31 of 63: pairs");
  EXPECT_EQ(told("everstep-probe: round 1 of 6: more partners of suspects", Time(15s)),
            "network: round 1 of 6: more partners of suspects");
}

TEST(LiveLines, AreWrittenOverThemselvesAndLeaveNothingBehind) {
  EXPECT_EQ(Redrawn(0, {"a", "b"}), "a\x1b[K\nb\x1b[K\n\x1b[J");
  EXPECT_EQ(Redrawn(2, {"c"}), "\x1b[2A\rc\x1b[K\n\x1b[J");
  EXPECT_EQ(Redrawn(1, {}), "\x1b[1A\r\x1b[J");
}

}  // namespace
}  // namespace everstep
