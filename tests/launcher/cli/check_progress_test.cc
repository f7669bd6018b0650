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

TEST(LiveLines, AreWrittenOverThemselvesAndLeaveNothingBehind) {
  EXPECT_EQ(Redrawn(0, {"a", "b"}), "a\x1b[K\nb\x1b[K\n\x1b[J");
  EXPECT_EQ(Redrawn(2, {"c"}), "\x1b[2A\rc\x1b[K\n\x1b[J");
  EXPECT_EQ(Redrawn(1, {}), "\x1b[1A\r\x1b[J");
}

}  // namespace
}  // namespace everstep
