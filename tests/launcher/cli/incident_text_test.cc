#include "launcher/cli/incident_text.h"

#include <gtest/gtest.h>

#include <ctime>

#include "base/text.h"

namespace everstep {
namespace {

constexpr WallTime kNow{1'784'037'780'000'000'000};  // 2026-07-14 14:03:00 UTC, shown in the zone of this machine

IncidentView Killed() {
  return {.job = JobId("train-1"),
          .number = 2,
          .generation = Generation(3),
          .at = kNow,
          .outcome = IncidentOutcome::restarted,
          .blame = BlameClass::host,
          .cause = "rank 1 on n2 was killed by SIGKILL",
          .means = "often the OOM killer",
          .node = NodeId("n2"),
          .rank = 1,
          .signal = 9,
          .step = 36,
          .steps_lost = 6,
          .checkpoint = "c4",
          .noticing = 4770ms,
          .stopping = 390ms,
          .placing = 10ms,
          .preparing = 40ms,
          .lost = 5210ms,
          .next = "restart 2 of 10: n4 takes rank 1",
          .logs = "everstep logs train-1 --generation 3 --rank 1"};
}

TEST(IncidentText, SaysCauseHostRankSignalLossCheckpointAndTheWayToTheLog) {
  const std::string text = DescribeIncidents({Killed()}, kNow);
  for (const char* row :
       {"Incident    2 of train-1, in generation 3, at ", "\nCause       rank 1 on n2 was killed by SIGKILL\n",
        "\nClass       host: often the OOM killer\n", "\nWhere       n2, rank 1, SIGKILL\n",
        "\nLost        6 steps, 5.2 s (4.8 s to notice, 390 ms to stop, 10 ms to find hosts, 40 ms to prepare)\n",
        "\nResumes at  c4\n", "\nThen        restart 2 of 10: n4 takes rank 1\n",
        "\nLogs        everstep logs train-1 --generation 3 --rank 1\n"})
    EXPECT_NE(text.find(row), std::string::npos) << row << "in\n" << text;
}

TEST(IncidentText, WhereOnlyRank0IsShownWhoElseFailedIsNamedWithItsLine) {
  const auto ended = [](std::uint32_t rank, std::uint32_t code, std::string said) {
    return IncidentView{
        .cause = Cat("rank ", rank, " on n", rank + 1, " exited with code ", code, said), .rank = rank, .code = code};
  };
  EXPECT_EQ(UnseenCauses({ended(1, 2, ": everstep-probe: no such provider")}),
            "==> rank 1 on n2 exited with code 2: everstep-probe: no such provider\n");
  EXPECT_EQ(UnseenCauses({Killed()}), "==> rank 1 on n2 was killed by SIGKILL\n");
  EXPECT_EQ(UnseenCauses({{.cause = "n2 is lost: 3 of 3 peers got nothing"}}), "==> n2 is lost: 3 of 3 peers got nothing\n");
  EXPECT_EQ(UnseenCauses({ended(0, 2, ": everstep-probe: no such provider")}), "") << "it has said so itself";
  EXPECT_EQ(UnseenCauses({ended(1, 1, "")}), "") << "the table has the reason";
  EXPECT_EQ(UnseenCauses({}), "");
}

TEST(IncidentText, WhatIsNotKnownIsNotMadeUp) {
  const std::string text = DescribeIncidents({{.job = JobId("a-1"), .number = 1, .cause = "n2 is lost"}}, kNow);
  EXPECT_EQ(text.find("Where"), std::string::npos) << text;
  EXPECT_NE(text.find("Lost        an unknown number of steps, and the time until it starts again\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("Resumes at  the start: no checkpoint\n"), std::string::npos) << text;
  EXPECT_NE(text.find("Then        nothing is decided yet\n"), std::string::npos) << text;
}

TEST(IncidentText, WhereNothingStartsAgainNothingIsResumed) {
  const std::string text = DescribeIncidents(
      {{.job = JobId("a-1"), .number = 1, .outcome = IncidentOutcome::ended, .cause = "n2 is lost", .next = "gave up"}}, kNow);
  EXPECT_EQ(text.find("Resumes at"), std::string::npos) << text;
}

TEST(IncidentText, HowItEndedIsASignalOrACode) {
  EXPECT_EQ(HowItEnded({.signal = 15}), "SIGTERM");
  EXPECT_EQ(HowItEnded({.signal = 64}), "signal 64");
  EXPECT_EQ(HowItEnded({.code = 7}), "exit code 7");
  EXPECT_EQ(HowItEnded({}), "");
}

TEST(IncidentText, ATableHasALineForEach) {
  const TextTable table = IncidentsTable({Killed()}, kNow);
  ASSERT_EQ(table.rows.size(), 1u);
  EXPECT_EQ(std::vector<std::string>(table.rows[0].begin() + 1, table.rows[0].end()),
            (std::vector<std::string>{"train-1", "3", "host", "n2", "1", "6", "5.2 s", "rank 1 on n2 was killed by SIGKILL"}));
  EXPECT_EQ(IncidentsTable({Killed()}, kNow, true).titles.size(), 14u);
}

}  // namespace
}  // namespace everstep
