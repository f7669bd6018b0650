#include "agent/rpc/log_files.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "tests/rpc/temporary_directory.h"

namespace everstep {
namespace {

class LogFilesTest : public testing::Test {
 protected:
  void Write(const std::string& name, const std::string& bytes) { directory_.Append("a-1/2/" + name, bytes); }
  void Rotate(const std::string& from, const std::string& to) { directory_.Rename("a-1/2/" + from, "a-1/2/" + to); }
  LogRead Read(ReadLog query = {}) {
    query.job = JobId("a-1");
    query.generation = Generation(2);
    Result<LogRead> read = ReadLogFiles(directory_.path(), query);
    EXPECT_TRUE(read) << read.error().Str();
    return read ? *std::move(read) : LogRead{};
  }
  LogRead ReadOn(const LogRead& before) { return Read({.places = before.places}); }
  // "0:text 1e:text", one for each piece; notes in brackets.
  static std::string Show(const LogRead& read) {
    std::vector<std::string> parts;
    for (const LogPiece& piece : read.pieces)
      parts.push_back(
          Cat(piece.rank, piece.is_stderr ? "e:" : ":", piece.note.empty() ? piece.bytes : Cat('[', piece.note, ']')));
    return Join(parts, " ");
  }

  TemporaryDirectory directory_;
};

TEST_F(LogFilesTest, AllRanksAndStreamsAreReadAndThenOnlyWhatIsNew) {
  Write("0.out", "a");
  Write("0.err", "b");
  Write("11.out", "c");
  const LogRead first = Read();
  EXPECT_EQ(Show(first), "0:a 0e:b 11:c");
  EXPECT_EQ(Show(ReadOn(first)), "");
  Write("0.out", "d");
  Write("12.out", "e");
  EXPECT_EQ(Show(ReadOn(first)), "0:d 12:e");
  EXPECT_EQ(Show(Read({.ranks = {11, 12}})), "11:c 12:e");
}

constexpr std::int64_t kSecond = 1'000'000'000;

TEST_F(LogFilesTest, ReadingBeginsWithTheLineInWhichSomethingWasWrittenSinceThen) {
  Write("0.out", "one\ntwo\n");
  Write("0.out.at", Cat(10 * kSecond, " 0\n", 20 * kSecond, " 4\n"));
  Rotate("0.out", "0.out.1");
  Rotate("0.out.at", "0.out.at.1");
  Write("0.out", "thr");
  Write("0.out.at", Cat(30 * kSecond, " 0\n"));
  Write("0.out", "ee\nfour\n");
  Write("0.out.at", Cat(40 * kSecond, " 5\n"));
  const auto since = [this](std::int64_t seconds) { return Show(Read({.since = WallTime{seconds * kSecond}})); };
  EXPECT_EQ(since(5), "0:one\ntwo\n 0:three\nfour\n");
  EXPECT_EQ(since(15), "0:two\n 0:three\nfour\n");
  EXPECT_EQ(since(20), "0:two\n 0:three\nfour\n");
  EXPECT_EQ(since(25), "0:three\nfour\n");
  EXPECT_EQ(since(35), "0:three\nfour\n") << "from the start of the line that was finished then";
  EXPECT_EQ(since(41), "") << "what came within the second of a time was written before the next";
  EXPECT_EQ(Show(Read({.tail_lines = 1, .since = WallTime{15 * kSecond}})), "0:four\n") << "whichever begins later";
  EXPECT_EQ(Show(Read({.within = 10s})), "") << "all of it was decades ago";
  const LogRead last = Read({.since = WallTime{50 * kSecond}});
  Write("0.out", "five\n");
  EXPECT_EQ(Show(ReadOn(last)), "0:five\n");
}

TEST_F(LogFilesTest, OutputWithoutTimesIsShownWholeAndSaysWhy) {
  Write("0.out", "one\n");
  EXPECT_EQ(Show(Read({.since = WallTime{5}})), "0:[it is not known when this was written: all of it is shown] 0:one\n");
  Write("0.out.at", "rubbish\n");
  EXPECT_EQ(Show(Read({.since = WallTime{5}})), "0:[it is not known when this was written: all of it is shown] 0:one\n");
}

TEST_F(LogFilesTest, WhoWantsOnlyTheEndGetsNoMoreHoweverMuchCameMeanwhile) {
  Write("0.out", "0123456789");
  const LogRead first = Read({.tail_bytes = 4});
  EXPECT_EQ(Show(first), "0:6789");
  Write("0.out", "abcdef");
  Rotate("0.out", "0.out.1");
  Write("0.out", "gh");
  EXPECT_EQ(Show(Read({.places = first.places, .tail_bytes = 4})), "0:ef 0:gh");
  EXPECT_EQ(Show(Read({.places = first.places, .tail_bytes = 400})), "0:abcdef 0:gh");
}

TEST_F(LogFilesTest, AReaderIsNotConfusedByRotation) {
  Write("0.out", "one ");
  const LogRead first = Read();
  Write("0.out", "two ");
  Rotate("0.out", "0.out.1");
  Write("0.out", "three ");
  Rotate("0.out.1", "0.out.2");
  Rotate("0.out", "0.out.1");
  Write("0.out", "four");
  EXPECT_EQ(Show(ReadOn(first)), "0:two  0:three  0:four");
  EXPECT_EQ(Show(Read()), "0:one two  0:three  0:four") << "older files first";
}

TEST_F(LogFilesTest, WhatWasRotatedAwayUnreadIsSaid) {
  Write("0.out", "one");
  const LogRead first = Read();
  ::unlink((directory_.path() + "/a-1/2/0.out").c_str());
  Write("0.out", "a longer text than before");
  EXPECT_EQ(Show(ReadOn(first)), "0:[output was rotated away before it was read] 0:a longer text than before");
}

TEST_F(LogFilesTest, TheTailCountsLinesAcrossFiles) {
  Write("0.out.1", "1\n2\n3\n");
  Write("0.out", "4\n5");
  EXPECT_EQ(Show(Read({.tail_lines = 0})), "");
  EXPECT_EQ(Show(Read({.tail_lines = 1})), "0:5");
  EXPECT_EQ(Show(Read({.tail_lines = 2})), "0:4\n5");
  EXPECT_EQ(Show(Read({.tail_lines = 3})), "0:3\n 0:4\n5");
  EXPECT_EQ(Show(Read({.tail_lines = 99})), "0:1\n2\n3\n 0:4\n5");
}

TEST_F(LogFilesTest, TheTailOfALongFileIsFound) {
  std::string lines;
  for (int i = 0; i < 50'000; ++i) lines += Cat("line ", i, "\n");
  Write("0.out", lines);
  EXPECT_EQ(Show(Read({.tail_lines = 2})), "0:line 49998\nline 49999\n");
}

TEST_F(LogFilesTest, AnAnswerIsBoundedAndALoudRankDoesNotStarveTheOthers) {
  Write("0.out", std::string(3u << 20, 'x'));
  Write("1.out", "quiet");
  LogRead read = Read();
  std::size_t bytes = 0;
  for (const LogPiece& piece : read.pieces) bytes += piece.bytes.size();
  EXPECT_EQ(bytes, kLogReplyBytes);
  EXPECT_EQ(read.pieces.back().bytes, "quiet");
  EXPECT_TRUE(read.more);
  while (read.more) {
    read = ReadOn(read);
    for (const LogPiece& piece : read.pieces) bytes += piece.bytes.size();
  }
  EXPECT_EQ(bytes, (3u << 20) + kLogReplyBytes - (kLogReplyBytes - 5));
}

TEST_F(LogFilesTest, OtherFilesAndLinksOutOfTheDirectoryAreNotRead) {
  Write("0.out", "mine");
  Write("0.outer", "x");
  Write("-1.out", "x");
  Write("exit.json", "x");
  ASSERT_EQ(::symlink("/etc/hostname", (directory_.path() + "/a-1/2/5.out").c_str()), 0);
  EXPECT_EQ(Show(Read()), "0:mine");
}

TEST_F(LogFilesTest, OnlyANameGetsIntoAPath) {
  const auto read = ReadLogFiles(directory_.path(), {.job = JobId("../a-1"), .generation = Generation(2)});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().Str(), "job: found \"../a-1\", legal: a job's id");
}

TEST_F(LogFilesTest, AGangThatHasNotWrittenYetIsEmpty) { EXPECT_EQ(Read(), LogRead{}); }

}  // namespace
}  // namespace everstep
