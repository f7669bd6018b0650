#include "base/progress/rank_progress.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace everstep {
namespace {

using Stream = RankProgress::Stream;

Time At(Duration d) { return AtNanoseconds(0) + 1h + d; }

RankProgress Make(ProgressTable table = {.lines = {{"iter", "^iter {step}: loss {loss}$"},
                                                   {"bar", "^{step}/{total} \\[{elapsed}\\]$"},
                                                   {"epoch", "^epoch {nth_epoch}/{epochs} {step}/{total}$"},
                                                   {"loss", "^loss {loss}$"}}}) {
  Result<LinePatterns> made = LinePatterns::Make(table);
  EXPECT_TRUE(made) << made.error().Str();
  return RankProgress(made.value_or(LinePatterns()));
}
std::optional<std::uint64_t> StepOf(RankProgress& rank) {
  const auto progress = rank.Now(At(0s));
  return progress ? std::optional(progress->step) : std::nullopt;
}

TEST(RankProgress, TheNewestLineCountsOnceItHasEnded) {
  RankProgress rank = Make();
  rank.Printed(At(0s), Stream::out, "hello\niter 1: loss 3.0\nit");
  EXPECT_EQ(StepOf(rank), 1u);
  rank.Printed(At(2s), Stream::out, "er 2: loss 2.5");
  EXPECT_EQ(StepOf(rank), 1u);
  rank.Printed(At(2s), Stream::out, "\n");
  const auto progress = rank.Now(At(2s));
  ASSERT_TRUE(progress);
  EXPECT_EQ(*progress, (Progress{.step = 2, .step_time = 2s, .loss = "2.5"}));
}

TEST(RankProgress, ABarCountsBeforeItIsDrawnAgain) {
  RankProgress rank = Make();
  rank.Printed(At(0s), Stream::err, "\r3/9 [00:01]");
  EXPECT_EQ(StepOf(rank), 3u);
  rank.Printed(At(0s), Stream::err, "\r4/9 [00:0");
  EXPECT_EQ(StepOf(rank), 3u);
}

TEST(RankProgress, AnEarlierPatternWinsForGoodAndLossesMayComeFromAnother) {
  RankProgress rank = Make();
  rank.Printed(At(0s), Stream::err, "5/9 [00:01]\n");
  rank.Printed(At(0s), Stream::out, "loss 1.5\n");
  EXPECT_EQ(rank.Now(At(0s)), (Progress{.step = 5, .steps_total = 9, .loss = "1.5"}));
  rank.Printed(At(0s), Stream::out, "iter 100: loss 1.25\n");
  rank.Printed(At(0s), Stream::err, "6/9 [00:02]\nloss 7\n");
  EXPECT_EQ(rank.Now(At(0s)), (Progress{.step = 100, .loss = "1.25"}));
}

TEST(RankProgress, TheFileWinsOverAllLines) {
  RankProgress rank = Make();
  rank.Printed(At(0s), Stream::out, "iter 100: loss 1.25\n");
  rank.FileTold(At(0s), {.source = kFileSource, .step = 7, .total = 70});
  rank.Printed(At(0s), Stream::out, "iter 101: loss 1.2\n");
  EXPECT_EQ(rank.Now(At(0s)), (Progress{.step = 7, .steps_total = 70, .loss = "1.2"}));
}

TEST(RankProgress, StepsOfAnEpochAreAddedToThoseBefore) {
  RankProgress rank = Make();
  rank.Printed(At(0s), Stream::out, "epoch 3/10 5/100\n");
  EXPECT_EQ(rank.Now(At(0s)), (Progress{.step = 205, .steps_total = 1000}));
  rank.Printed(At(0s), Stream::out, "epoch 999999999999/10 5/999999999999999\n");
  EXPECT_EQ(StepOf(rank), 205u) << "no such number of epochs";
}

TEST(RankProgress, ColoursAreNoPartOfALine) {
  RankProgress rank = Make();
  rank.Printed(At(0s), Stream::out, "\x1b[31miter 3: \x1b[1;32mloss 1.0\x1b[0m\x1b[A\n");
  EXPECT_EQ(StepOf(rank), 3u);
}

TEST(RankProgress, ALineOfTenMegabytesIsPassedOverAndTheNextOneCounts) {
  RankProgress rank = Make();
  for (int s = 0; s < 160; ++s) rank.Printed(At(s * 1s), Stream::out, std::string(64 << 10, 'x'));
  rank.Printed(At(200s), Stream::out, "iter 1: loss 1\niter 2: loss 1\n");
  EXPECT_EQ(StepOf(rank), 2u) << "the first ends the long line";
}

TEST(RankProgress, AFloodIsSampledAndNoHalfLineIsBelieved) {
  RankProgress rank = Make();
  const std::string flood(RankProgress::kBytesPerSecond, '\n');
  rank.Printed(At(0s), Stream::out, flood);
  rank.Printed(At(10ms), Stream::out, "iter 1: loss 1\nsecond iter 9");
  EXPECT_EQ(StepOf(rank), std::nullopt) << "this second's share is used up";
  rank.Printed(At(1s), Stream::out, "9: loss 1\niter 2: loss 1\n");
  EXPECT_EQ(StepOf(rank), 2u);
  rank.Printed(At(1s), Stream::err, "iter 3: loss 1\n");
  EXPECT_EQ(StepOf(rank), 3u) << "each stream has its own share";
}

TEST(RankProgress, BinaryRubbishTellsNothing) {
  RankProgress rank = Make();
  std::string rubbish;
  for (int i = 0; i < 100'000; ++i) rubbish += static_cast<char>((i * 2654435761u) >> 13);
  rank.Printed(At(0s), Stream::out, rubbish);
  EXPECT_EQ(StepOf(rank), std::nullopt);
}

}  // namespace
}  // namespace everstep
