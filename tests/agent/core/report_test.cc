#include "agent/core/report.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace everstep {
namespace {

Time At(Duration d) { return AtNanoseconds(0) + 1h + d; }
GangStatus Gang(GangPhase phase) { return {.job = JobId("j-1"), .generation = Generation(1), .phase = phase}; }
CheckpointSeen Seen(std::string source, bool complete = true) {
  return {.job = JobId("j-1"),
          .generation = Generation(1),
          .source = source,
          .complete = complete,
          .path = complete ? "/ckpt/.everstep/" + source : ""};
}
std::vector<std::string> Sources(const Report& report) {
  std::vector<std::string> sources;
  for (const CheckpointSeen& seen : report.checkpoints) sources.push_back(seen.source);
  return sources;
}

TEST(Report, ItIsDueOnceForEachChange) {
  Reporter reporter;
  EXPECT_TRUE(reporter.Due(At(0s))) << "the launcher knows nothing yet";
  reporter.Take(At(0s));
  EXPECT_FALSE(reporter.Due(At(0s)));
  reporter.SetGangs({Gang(GangPhase::preparing)});
  EXPECT_TRUE(reporter.Due(At(0s)));
  const Sequence seq = reporter.Take(At(0s)).seq;
  reporter.SetGangs({Gang(GangPhase::preparing)});
  EXPECT_FALSE(reporter.Due(At(0s)));
  EXPECT_EQ(seq, Sequence(2));
}

TEST(Report, ItIsSentAgainUntilItIsAcknowledgedWithTheSameNumber) {
  Reporter reporter;
  const Report first = reporter.Take(At(0s));
  EXPECT_EQ(reporter.Deadline(), At(1s));
  EXPECT_FALSE(reporter.Due(At(999ms)));
  EXPECT_TRUE(reporter.Due(At(1s)));
  EXPECT_EQ(reporter.Take(At(1s)), first);
  reporter.Acknowledged(Sequence(9));
  EXPECT_TRUE(reporter.Due(At(2s))) << "a number that was never sent acknowledges nothing";
  reporter.Acknowledged(first.seq);
  EXPECT_FALSE(reporter.Due(At(1h)));
  EXPECT_EQ(reporter.Deadline(), std::nullopt);
}

TEST(Report, AnOldAcknowledgementDoesNotSilenceANewerReport) {
  Reporter reporter;
  const Sequence first = reporter.Take(At(0s)).seq;
  reporter.SetGangs({Gang(GangPhase::running)});
  reporter.Take(At(0s));
  reporter.Acknowledged(first);
  EXPECT_TRUE(reporter.Due(At(1s)));
}

TEST(Report, TheLauncherMayWantItAgain) {
  Reporter reporter;
  reporter.Acknowledged(reporter.Take(At(0s)).seq);
  reporter.Wanted();
  EXPECT_TRUE(reporter.Due(At(0s)));
}

TEST(Report, BeatsCarryTheHashOfTheReportTakenLast) {
  Reporter reporter;
  reporter.Take(At(0s));
  const std::uint64_t before = reporter.hash();
  reporter.SetGangs({Gang(GangPhase::running)});
  EXPECT_EQ(reporter.hash(), before) << "the launcher has not been told yet";
  const Report& report = reporter.Take(At(0s));
  EXPECT_NE(reporter.hash(), before);
  EXPECT_EQ(reporter.hash(), HashOf(report));
}

TEST(Report, ACheckpointIsRepeatedUntilAReportThatHadItIsAcknowledged) {
  Reporter reporter;
  const Sequence before = reporter.Take(At(0s)).seq;
  reporter.Add(Seen("step-1.pt"));
  EXPECT_EQ(Sources(reporter.Take(At(0s))), std::vector<std::string>{"step-1.pt"});
  reporter.Acknowledged(before);
  EXPECT_EQ(Sources(reporter.Take(At(1s))), std::vector<std::string>{"step-1.pt"});
  reporter.Add(Seen("step-2.pt"));
  const Sequence both = reporter.Take(At(2s)).seq;
  reporter.Add(Seen("step-3.pt"));
  reporter.Acknowledged(both);
  EXPECT_EQ(Sources(reporter.Take(At(3s))), std::vector<std::string>{"step-3.pt"});
}

TEST(Report, AChangeOfMindReplacesTheEarlierFinding) {
  Reporter reporter;
  reporter.Add(Seen("step-1.pt", false));
  reporter.Add(Seen("step-1.pt", true));
  const Report& report = reporter.Take(At(0s));
  ASSERT_EQ(report.checkpoints.size(), 1u);
  EXPECT_TRUE(report.checkpoints[0].complete);
}

TEST(Report, ALossIsToldBesideWhatTakesItsPlace) {
  Reporter reporter;
  CheckpointSeen lost = Seen("last.pt", false);
  lost.path = "/ckpt/.everstep/pins/1-last.pt.1/last.pt";
  reporter.Add(lost);
  reporter.Add(lost);
  CheckpointSeen next = Seen("last.pt", true);
  next.path = "/ckpt/.everstep/pins/1-last.pt.2/last.pt";
  reporter.Add(next);
  EXPECT_EQ(reporter.Take(At(0s)).checkpoints, (std::vector{lost, next}));
}

TEST(Report, WhatDoesNotFitComesWithTheNextReport) {
  Reporter reporter;
  for (std::size_t i = 0; i < limit::kCheckpointsPerReport + 3; ++i) reporter.Add(Seen(Cat("step-", i, ".pt")));
  const Report first = reporter.Take(At(0s));
  EXPECT_EQ(first.checkpoints.size(), limit::kCheckpointsPerReport);
  EXPECT_FALSE(reporter.Due(At(0s)));
  reporter.Acknowledged(first.seq);
  EXPECT_TRUE(reporter.Due(At(0s)));
  EXPECT_EQ(reporter.Take(At(0s)).checkpoints.size(), 3u);
}

TEST(Report, ACheckpointOfMoreFilesThanAReportHoldsIsReportedAsNotOffered) {
  Reporter reporter;
  CheckpointSeen huge = Seen("step-1");
  huge.files.resize(50000, {.name = "shard"});
  reporter.Add(huge);
  const Report& report = reporter.Take(At(0s));
  EXPECT_FALSE(report.checkpoints.at(0).complete);
  EXPECT_EQ(report.checkpoints.at(0).why, "50000 files are more than a report can hold");
  EXPECT_TRUE(Validate(FromAgent(report)));
}

TEST(Report, WithManyFailedRanksTheEarliestKeepTheirLastWords) {
  Reporter reporter;
  GangStatus gang = Gang(GangPhase::empty);
  for (std::uint32_t rank = 0; rank < limit::kRanksPerHost; ++rank)
    gang.ranks.push_back({.rank = rank,
                          .pid = 1,
                          .exit = RankExit{.code = 1, .at = At(1s * (rank == 700 ? 1 : 2)), .tail = std::string(4096, 'x')}});
  reporter.SetGangs({gang});
  const GangStatus& told = reporter.Take(At(0s)).gangs.at(0);
  std::size_t bytes = 0;
  for (const RankStatus& rank : told.ranks) bytes += rank.exit->tail.size();
  EXPECT_LE(bytes, limit::kMessageBytes / 2);
  EXPECT_EQ(told.ranks.at(700).exit->tail.size(), 4096u);
  EXPECT_TRUE(told.ranks.at(1023).exit->tail.empty());
}

GangStatus AtStep(std::uint64_t step, GangPhase phase = GangPhase::running) {
  GangStatus gang = Gang(phase);
  gang.progress = Progress{.step = step};
  return gang;
}

TEST(Report, ProgressAloneIsToldOnceASecond) {
  Reporter reporter;
  reporter.SetGangs({Gang(GangPhase::running)});
  reporter.Acknowledged(reporter.Take(At(0s)).seq);
  reporter.SetGangs({AtStep(1)});
  EXPECT_FALSE(reporter.Due(At(999ms)));
  EXPECT_EQ(reporter.Deadline(), At(1s));
  reporter.SetGangs({AtStep(2)});
  EXPECT_TRUE(reporter.Due(At(1s)));
  EXPECT_EQ(reporter.Take(At(1s)).gangs[0].progress->step, 2u);
  reporter.SetGangs({AtStep(2)});
  EXPECT_FALSE(reporter.Due(At(1999ms))) << "nothing is new";
}

TEST(Report, OtherNewsTakeTheProgressAlongAtOnce) {
  Reporter reporter;
  reporter.SetGangs({AtStep(1)});
  reporter.Acknowledged(reporter.Take(At(0s)).seq);
  reporter.SetGangs({AtStep(2)});
  reporter.SetGangs({AtStep(3, GangPhase::empty)});
  EXPECT_TRUE(reporter.Due(At(10ms)));
  EXPECT_EQ(reporter.Take(At(10ms)).gangs[0].progress->step, 3u);
  EXPECT_FALSE(reporter.Due(At(20ms)));
}

}  // namespace
}  // namespace everstep
