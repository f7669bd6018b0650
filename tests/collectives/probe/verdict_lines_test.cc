#include "collectives/probe/verdict_lines.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "launcher/core/preflight.h"

namespace everstep {
namespace {

TEST(VerdictLines, WhatTheProbeWritesTheLauncherReads) {
  const std::string lines =
      VerdictLines({{.kind = VerdictKind::link, .hosts = {0, 2}, .why = "rank 0 (n1) and rank 2 (n3) fail"},
                    {.kind = VerdictKind::host_rx, .hosts = {1}, .why = "rank 1 (n2)\nis slow"}});
  const std::vector<ProbeVerdict> read = VerdictsIn("# noise\n" + lines + "everstep-probe: something else\n");
  ASSERT_EQ(read.size(), 2u);
  EXPECT_EQ(read[0].kind, "host_rx") << "hosts come first";
  EXPECT_EQ(read[0].ranks, std::vector<std::uint32_t>{1});
  EXPECT_EQ(read[0].why, "HOST-RX: rank 1 (n2) is slow") << "one line";
  EXPECT_EQ(read[1].ranks, (std::vector<std::uint32_t>{0, 2}));
}

TEST(VerdictLines, AreFewEnoughForTheEndOfStderrThatIsKept) {
  std::vector<Verdict> many;
  for (std::uint32_t rank = 0; rank < 64; ++rank)
    many.push_back({.kind = VerdictKind::host, .hosts = {rank}, .why = std::string(2000, 'x')});
  const std::string lines = VerdictLines(many);
  EXPECT_LT(lines.size(), limit::kTailBytes);
  const std::vector<ProbeVerdict> read = VerdictsIn(lines);
  ASSERT_EQ(read.size(), 8u);
  EXPECT_EQ(read.back().kind, "others");
  EXPECT_EQ(read.back().ranks.size(), 57u) << "but every host is named";
  EXPECT_EQ(read.back().ranks.front(), 7u);
  EXPECT_EQ(read.back().why.substr(0, 31), "57 more, the first: HOST: xxxxx");
}

TEST(VerdictLines, HostsThatAreTooManyToBeNamedMakeItUnknownAndNobodyPasses) {
  Verdict behind{.kind = VerdictKind::fabric_switch, .why = "half of them"};
  for (std::uint32_t rank = 0; rank < 512; rank += 2) behind.hosts.push_back(rank);
  const std::vector<ProbeVerdict> read = VerdictsIn(VerdictLines({behind}));
  ASSERT_EQ(read.size(), 1u);
  EXPECT_EQ(read[0].kind, "unknown");
  EXPECT_TRUE(read[0].ranks.empty());
  EXPECT_EQ(read[0].why, "SWITCH: half of them");
}

TEST(VerdictLines, HowFarItIsIsNoVerdictAndWhoIsAwaitedIsReadAsItWasWritten) {
  const std::string round = RoundLine({.round = 3, .of = 63, .stage = "pairs"}), waits = WaitsLine({2, 5, 6, 7});
  EXPECT_EQ(round, Cat(kProbeRound, "3 of 63: pairs\n"));
  EXPECT_EQ(waits, Cat(kProbeWaits, "2,5-7\n"));
  EXPECT_EQ(RanksIn("2,5-7"), (std::vector<std::uint32_t>{2, 5, 6, 7}));
  EXPECT_TRUE(VerdictsIn(round + waits).empty());
  std::vector<std::uint32_t> many;
  for (std::uint32_t rank = 0; rank < 512; rank += 2) many.push_back(rank);
  EXPECT_EQ(WaitsLine(many), "") << "too many to be told";
}

TEST(VerdictLines, RangesThatMakeNoSenseAreNoVerdict) {
  for (const char* ranks : {"7-1", "1-", "-1", "1-2-3", "0-100000"})
    EXPECT_TRUE(VerdictsIn(Cat("everstep-probe: verdict host ", ranks, ": x\n")).empty()) << ranks;
}

}  // namespace
}  // namespace everstep
