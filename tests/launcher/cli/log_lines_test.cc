#include "launcher/cli/log_lines.h"

#include <gtest/gtest.h>

namespace everstep {
namespace {

LogChunk Chunk(std::uint32_t rank, std::string bytes, bool is_stderr = false, std::uint64_t generation = 1) {
  return {.rank = rank,
          .node = NodeId("n" + std::to_string(rank)),
          .generation = Generation(generation),
          .is_stderr = is_stderr,
          .bytes = std::move(bytes)};
}

std::string Text(const std::vector<LogLine>& lines) {
  std::string text;
  for (const LogLine& line : lines) text += line.text;
  return text;
}

TEST(LogLines, LinesThatArriveInPiecesLeaveWholeAndOneAfterAnother) {
  LogLines lines(true, {});
  EXPECT_EQ(Text(lines.Take(Chunk(0, "step 1 lo"), {})), "");
  EXPECT_EQ(Text(lines.Take(Chunk(1, "step 1\nstep"), {})), "[rank 1 n1] step 1\n");
  EXPECT_EQ(Text(lines.Take(Chunk(0, "ss 2.5\nstep 2\n"), {})), "[rank 0 n0] step 1 loss 2.5\n[rank 0 n0] step 2\n");
  EXPECT_EQ(Text(lines.TakeRest()), "[rank 1 n1] step\n");
}

TEST(LogLines, OnlyTheLinesThatAreWantedLeaveAndThePrefixDoesNotCount) {
  LogLines lines(true, {}, [](std::string_view line) { return line.find("rank") != std::string_view::npos; });
  EXPECT_EQ(Text(lines.Take(Chunk(0, "step 1\nof rank 0\nstep 2\n"), {})), "[rank 0 n0] of rank 0\n");
  EXPECT_EQ(Text(lines.TakeRest()), "");
}

TEST(LogLines, StdoutAndStderrOfARankAreKeptApart) {
  LogLines lines(true, {});
  EXPECT_TRUE(lines.Take(Chunk(0, "out"), {}).empty());
  const auto told = lines.Take(Chunk(0, "err\n", true), {});
  ASSERT_EQ(told.size(), 1u);
  EXPECT_TRUE(told[0].is_stderr);
  EXPECT_EQ(told[0].text, "[rank 0 n0] err\n");
}

TEST(LogLines, TheLastWordsOfAGangThatIsGoneComeBeforeTheNextGang) {
  LogLines lines(false, {});
  EXPECT_TRUE(lines.Take(Chunk(0, "Killed"), {}).empty());
  EXPECT_EQ(Text(lines.Take(Chunk(1, "hello\n", false, 2), {})), "Killed\nhello\n");
}

TEST(LogLines, AProgressBarBecomesALineASecond) {
  LogLines lines(false, {});
  const Time start = AtNanoseconds(1'000'000'000'000);
  EXPECT_EQ(Text(lines.Take(Chunk(0, "1%\r2%\r3%"), start)), "1%\n");
  EXPECT_EQ(Text(lines.Take(Chunk(0, "\r4%\r5%"), start + 500ms)), "");
  EXPECT_EQ(Text(lines.Take(Chunk(0, "\r6%"), start + 1100ms)), "5%\n");
  EXPECT_EQ(Text(lines.Take(Chunk(0, "\r100%\n"), start + 1200ms)), "100%\n") << "the last state is always shown";
}

TEST(LogLines, WindowsLineEndsAreLineEnds) {
  LogLines lines(false, {});
  EXPECT_EQ(Text(lines.Take(Chunk(0, "a\r\nb\r\n"), {})), "a\nb\n");
}

TEST(LogLines, AnEndlessLineIsBrokenAndNotKept) {
  LogLines lines(false, {});
  std::size_t shown = 0;
  for (int i = 0; i < 100; ++i) shown += Text(lines.Take(Chunk(0, std::string(10'000, 'x')), {})).size();
  EXPECT_GT(shown, 900'000u);
}

}  // namespace
}  // namespace everstep
