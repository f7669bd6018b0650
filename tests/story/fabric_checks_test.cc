// Rows of the catalogue that are read between hosts: the last check of a host's network, as `everstep node` shows it.
#include "launcher/core/fabric_checks.h"

#include "base/text.h"
#include "health/catalogue/catalogue.h"
#include "launcher/core/preflight.h"
#include "tests/story/story.h"

namespace everstep {
namespace {

JobSpec Tried(std::uint32_t nodes) {
  JobSpec spec = Train(nodes);
  spec.preflight = {.level = PreflightLevel::quick};
  return spec;
}

std::vector<HostCheck> ChecksOf(const Story& story, const std::string& node) {
  const auto catalogue = health::ReadChecks(health::BuiltInChecksText(), "built in");
  return FabricChecks(*catalogue, story.world().state, story.world().state.nodes.at(NodeId(node)), story.now().at);
}

// "fail fabric.connect no": state, row and value.
Lines RowsOf(const Story& story, const std::string& node) {
  Lines rows;
  for (const HostCheck& check : ChecksOf(story, node))
    rows.push_back(Cat(Name(check.state), ' ', check.check, check.value.empty() ? "" : " ", check.value));
  return rows;
}

void NetworkFinds(Story& story, const JobId& job, const std::string& verdict) {
  const auto ranks = static_cast<std::uint32_t>(story.Job(job).hosts.size());
  for (std::uint32_t rank = 1; rank < ranks; ++rank) story.RankEnds(job, rank, ExitCode(1));
  story.RankEnds(job, 0, ExitCode(1, verdict));
}

struct Sick {
  const char* name;
  const char* verdict;  // of everstep-probe, about rank 1
  Lines rows;
};

TEST(FabricChecks, EachSickNetworkGivesExactlyItsVerdict) {
  const std::vector<Sick> kRows = {
      {"a host that is silent",
       "host 1: n2 failed with 2 of 2 partners (4 without an answer in time)",
       {"fail fabric.connect no", "ok fabric.data right", "ok fabric.bandwidth normal", "unknown fabric.provider"}},
      {"a host that sends other bytes",
       "host 1: n2 failed with 2 of 2 partners (2 with wrong data)",
       {"ok fabric.connect yes", "fail fabric.data wrong", "ok fabric.bandwidth normal", "unknown fabric.provider"}},
      {"a host that is slow",
       "host_tx 1: n2 failed with 2 of 2 partners (4 slow, 0.41 of the median bandwidth)",
       {"ok fabric.connect yes", "ok fabric.data right", "fail fabric.bandwidth slow", "unknown fabric.provider"}},
      {"a host that has gone",
       "gone 1: n2 has ended",
       {"fail fabric.connect no", "unknown fabric.data", "unknown fabric.bandwidth", "unknown fabric.provider"}},
  };
  for (const Sick& sick : kRows) {
    Story story({"n1", "n2", "n3"});
    NetworkFinds(story, story.Submit(Tried(3)), Cat("everstep-probe: verdict ", sick.verdict));
    EXPECT_EQ(RowsOf(story, "n2"), sick.rows) << sick.name;
  }
}

TEST(FabricChecks, AHostThatPassedHasValuesWithLimitAndAge) {
  Story story({"n1", "n2", "n3"});
  const JobId train = story.Submit(Tried(3));
  for (const std::uint32_t rank : {1u, 2u}) story.RankEnds(train, rank, ExitCode(0));
  RankExit good = ExitCode(0);
  good.tail = "everstep-probe: measured tcp;ofi_rxm pair 1048576 3 24 1500000000 20000000";
  story.RankEnds(train, 0, good);
  story.Pass(3min);
  EXPECT_EQ(RowsOf(story, "n2"), (Lines{"ok fabric.connect yes", "ok fabric.data right", "ok fabric.bandwidth normal",
                                        "ok fabric.provider tcp;ofi_rxm"}));
  const HostCheck connect = ChecksOf(story, "n2").front();
  EXPECT_EQ(connect.limit, "!= yes");
  ASSERT_TRUE(connect.age);
  EXPECT_GE(*connect.age, 3min);
  story.RestartLauncher();
  EXPECT_EQ(RowsOf(story, "n2").back(), "ok fabric.provider tcp;ofi_rxm") << "it is on record";
}

TEST(FabricChecks, WhatNoCheckHasShownIsUnknownWithTheReason) {
  Story story({"n1", "n2"});
  EXPECT_EQ(RowsOf(story, "n2"),
            (Lines{"unknown fabric.connect", "unknown fabric.data", "unknown fabric.bandwidth", "unknown fabric.provider"}));
  EXPECT_EQ(ChecksOf(story, "n2").front().why, "its network has not been checked: everstep check n2 and others");
  story.AllRanksEnd(story.Submit(Tried(2)), ExitCode(0));
  EXPECT_EQ(RowsOf(story, "n2"),
            (Lines{"ok fabric.connect yes", "ok fabric.data right", "unknown fabric.bandwidth", "unknown fabric.provider"}))
      << "of two nobody is the slow one";
}

TEST(FabricChecks, APassOfAnEarlierLifeAndAHostsOwnFailureSayNothingOfTheNetwork) {
  Story story({"n1", "n2"});
  const JobId train = story.Submit(Tried(2));
  story.RankEnds(train, 0, ExitCode(3));
  story.RankEnds(train, 1, ExitCode(2, "everstep-agent: FAIL gpu.count: 7"));
  story.Pass(4s);
  EXPECT_NE(ChecksOf(story, "n2").front().why.find("its own check failed, and tells nothing of the network: gpu.count: 7"),
            std::string::npos);
}

}  // namespace
}  // namespace everstep
