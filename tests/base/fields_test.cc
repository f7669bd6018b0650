#include "base/fields.h"

#include <gtest/gtest.h>

#include "base/messages.h"
#include "base/text.h"

namespace everstep {
namespace {

TEST(Fields, TheTableWalksAllMembersInOrder) {
  RankExit exit{.code = 3};
  std::vector<std::string> names;
  ForEachField(exit, [&](std::string_view name, auto&) { names.emplace_back(name); });
  EXPECT_EQ(Join(names), "code, signal, oom_kill, stopped_by_us, at, tail, kernel");
}

TEST(Fields, EnumsKnowTheirNames) {
  EXPECT_EQ(Name(GangPhase::prepared), "prepared");
  EXPECT_EQ(EnumNamed<GangPhase>("empty"), GangPhase::empty);
  EXPECT_EQ(EnumNamed<GangPhase>("emptied"), std::nullopt);
}

struct Forgetful {
  int a = 0;
  int b = 0;
};
TEST(Fields, AForgottenFieldIsSeenAtCompileTime) {
  static_assert(kHasAtLeast<Forgetful, 2> && !kHasAtLeast<Forgetful, 3>);
  static_assert(kHasAtLeast<Beat, 5> && !kHasAtLeast<Beat, 6>);
}

TEST(Hash, EqualReportsHashEqualAndASmallDifferenceShows) {
  Report a{.seq = Sequence(1), .gangs = {GangStatus{.job = JobId("j"), .generation = Generation(1)}}};
  Report b = a;
  b.seq = Sequence(2);
  EXPECT_EQ(HashOf(a), HashOf(b)) << "the sequence is not part of the state";
  b.gangs[0].ranks.push_back({.rank = 1});
  EXPECT_NE(HashOf(a), HashOf(b));
}

// Else a launcher would ask agents of before for their report at every beat.
TEST(HashOf, AReportWithoutGpusHashesAsItDidBeforeThereWereAny) {
  Report report;
  report.health = {.watched = true, .judged = 63, .failing = 1};
  report.health.alarms = {{.check = "gpu.xid",
                           .scope = "GPU at 0000:18:00",
                           .fail = true,
                           .action = HealthAction::reboot,
                           .why = "79",
                           .since = Time(5s)}};
  EXPECT_EQ(HashOf(report), 12107166385521794176u) << "as computed by the version before";
  report.health.gpus = {{.scope = "GPU at 0000:18:00", .uuid = "GPU-5c8f"}};
  const std::uint64_t with = HashOf(report);
  EXPECT_NE(with, 12107166385521794176u);
  report.health.gpus.front().uuid = "GPU-77aa";
  EXPECT_NE(HashOf(report), with) << "another GPU is news";
}

TEST(Show, DurationsReadLikeAPersonWouldWriteThem) {
  EXPECT_EQ(Show(350ms), "350 ms");
  EXPECT_EQ(Show(4200ms), "4.2 s");
  EXPECT_EQ(Show(12s), "12 s");
  EXPECT_EQ(Show(185s), "3 min 5 s");
  EXPECT_EQ(Show(2h + 10min), "2 h 10 min");
  EXPECT_EQ(Show(3h * 24 + 4h), "3 d 4 h");
}

}  // namespace
}  // namespace everstep
