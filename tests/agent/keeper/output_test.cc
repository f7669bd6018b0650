// What ranks print: files, limits, tails.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "agent/keeper/log_file.h"
#include "base/messages.h"
#include "base/progress/stderr_tail.h"
#include "base/real/fd.h"
#include "base/text.h"
#include "tests/agent/keeper/host.h"

namespace everstep {
namespace {

class Output : public Host {};

TEST_F(Output, TenMegabytesWithoutANewlineAreKeptInBoundedFilesAndTheTailIsTheEnd) {
  options_.log_limits = {.bytes_max = 4 << 20, .files_max = 4};
  Run({Shell(0, "head -c 10485760 /dev/zero | tr '\\0' x >&2; printf 'the end' >&2; exit 1")});
  const std::string tail = AwaitPhase(KeeperPhase::empty).ranks[0].exit->tail;
  EXPECT_EQ(tail.size(), limit::kTailBytes);
  EXPECT_TRUE(tail.ends_with("xxxthe end"));
  const std::string whole = FileText(LogPath(0, "err.2")) + FileText(LogPath(0, "err.1")) + LogOf(0, "err");
  EXPECT_EQ(whole.size(), 10485760u + 7);
  EXPECT_EQ(FileText(LogPath(0, "err.2")).size(), 4u << 20);
}

TEST(Tail, OfAMessageThatIsTooLongTheExceptionIsStillNamed) {
  StderrTail one_line;
  one_line.Append("Traceback (most recent call last):\nValueError: tensor([" + std::string(24'000, '1') +
                  "]) has a wrong shape\n");
  EXPECT_EQ(one_line.Text().size(), limit::kTailBytes);
  EXPECT_TRUE(one_line.Text().starts_with("ValueError: tensor([111")) << one_line.Text().substr(0, 80);
  EXPECT_TRUE(one_line.Text().ends_with("]) has a wrong shape"));
  StderrTail many;
  std::string rows;
  for (int i = 0; i < 500; ++i) rows += Cat("row ", i, " of the offending batch\n");
  many.Append("Traceback (most recent call last):\nValueError: sizes do not match\n" + rows);
  EXPECT_LE(many.Text().size(), limit::kTailBytes);
  EXPECT_TRUE(many.Text().starts_with("ValueError: sizes do not match\n")) << many.Text().substr(0, 80);
  EXPECT_TRUE(many.Text().ends_with("row 499 of the offending batch"));
}

TEST_F(Output, AnyBytesArriveAsTheyWereWritten) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  std::ofstream(root_ + "/bytes", std::ios::binary) << all;
  Run({Shell(0, "cat $0/bytes; cat $0/bytes >&2")});
  AwaitPhase(KeeperPhase::empty);
  EXPECT_EQ(LogOf(0, "out"), all);
  EXPECT_EQ(LogOf(0, "err"), all);
}

TEST_F(Output, WhatAChildPrintsAfterItsRankHasEndedIsStillWritten) {
  // A pipe, not a file to wait for: a child has two seconds, and a busy disk takes as long to make a file.
  const std::string go = root_ + "/go";
  ASSERT_EQ(::mkfifo(go.c_str(), 0600), 0);
  const Fd opened(::open(go.c_str(), O_RDWR | O_CLOEXEC));  // so that neither end waits for the other
  Run({Shell(0, "(read word; echo $word) < $0/go & exit 0")});
  AwaitEnds(1);
  ASSERT_EQ(::write(opened.get(), "late\n", 5), 5);
  const std::string why = AwaitPhase(KeeperPhase::empty).why;
  // A disk that is busy for two seconds is not waited for.
  EXPECT_TRUE(Eventually([&] { return LogOf(0, "out") == "late\n"; }))
      << LogOf(0, "out") << why << FileText(spool() + "/keeper.log");
}

TEST_F(Output, LogsThatCannotBeWrittenStopNoRank) {
  ASSERT_TRUE(std::filesystem::create_directories(options_.log_dir + "/story-1/1"));
  std::filesystem::create_symlink("/dev/full", LogPath(0, "out"));
  Run({Shell(0, "head -c 20000000 /dev/zero; echo done >&2; exit 0")});
  EXPECT_EQ(AwaitPhase(KeeperPhase::empty).ranks[0].exit->code, 0u);
  EXPECT_EQ(LogOf(0, "err"), "done\n");
  EXPECT_NE(FileText(spool() + "/keeper.log").find("No space left on device: output is lost from here on"), std::string::npos);
}

TEST_F(Output, AFullDiskLeavesAMarkWhereBytesAreMissing) {
  std::filesystem::create_symlink("/dev/full", root_ + "/log");
  LogFile log(root_ + "/log", {});
  EXPECT_FALSE(log.Append("lost", WallTime{1}));   // told once
  EXPECT_TRUE(log.Append(" bytes", WallTime{1}));  // counted
  EXPECT_EQ(log.lost(), 10u);
  std::filesystem::remove(root_ + "/log");
  EXPECT_TRUE(log.Append("there again", WallTime{1}));
  EXPECT_EQ(FileText(root_ + "/log"), "\n[everstep: 10 bytes lost: No space left on device]\nthere again");
}

TEST_F(Output, RotationKeepsSoManyFilesAndCutsAtTheLimit) {
  LogFile log(root_ + "/log", {.bytes_max = 4, .files_max = 2});
  EXPECT_TRUE(log.Append("aaaabbbbccccdd", WallTime{1}));
  EXPECT_EQ(FileText(root_ + "/log"), "dd");
  EXPECT_EQ(FileText(root_ + "/log.1"), "cccc");
  EXPECT_EQ(FileText(root_ + "/log.2"), "bbbb");
  EXPECT_FALSE(std::filesystem::exists(root_ + "/log.3"));
  LogFile none(root_ + "/none", {.bytes_max = 4, .files_max = 0});
  EXPECT_TRUE(none.Append("aaaabb", WallTime{1}));
  EXPECT_EQ(FileText(root_ + "/none"), "bb");
  EXPECT_FALSE(std::filesystem::exists(root_ + "/none.1"));
}

TEST_F(Output, TimesLieBesideEachFileALineForASecondAndAreRotatedWithIt) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  LogFile log(root_ + "/log", {.bytes_max = 6, .files_max = 1});
  for (const auto& [bytes, at] : std::vector<std::pair<std::string, std::int64_t>>{
           {"a", 10 * kSecond}, {"b", 10 * kSecond + 999'999'999}, {"c", 11 * kSecond}, {"d", 5 * kSecond}})
    EXPECT_TRUE(log.Append(bytes, WallTime{at}));
  EXPECT_EQ(FileText(root_ + "/log.at"), "10000000000 0\n11000000000 2\n5000000000 3\n") << "also when the clock is set back";
  EXPECT_TRUE(log.Append("efgh", WallTime{5 * kSecond + 1}));
  EXPECT_EQ(FileText(root_ + "/log.at.1"), "10000000000 0\n11000000000 2\n5000000000 3\n");
  EXPECT_EQ(FileText(root_ + "/log"), "gh");
  EXPECT_EQ(FileText(root_ + "/log.at"), "5000000001 0\n");
  EXPECT_TRUE(log.Append("ijklmnop", WallTime{7 * kSecond}));
  EXPECT_EQ(FileText(root_ + "/log.at.1"), "5000000001 0\n7000000000 2\n");
}

class ProgressOf : public Host {
 protected:
  void RunWith(std::vector<RankCommand> ranks, const std::string& step = {}) {
    Launch();
    AwaitKind(KeeperEventKind::up);
    ProgressTable table{.step = step, .lines = {{"iter", "^iter {step}/{total}: loss {loss}$"}, {"loss", "^loss {loss}$"}}};
    Send(KeeperStart{.workdir = root_, .ranks = std::move(ranks), .progress = std::move(table)});
  }
  Progress AwaitStep(std::uint64_t step) {
    return Await("step", [step](const KeeperEvent& e) { return e.status.progress && e.status.progress->step >= step; })
        .status.progress.value();
  }
};

TEST_F(ProgressOf, TheFirstRankThatTellsOfAStepSpeaksForTheGang) {
  RunWith({Shell(0, "while [ ! -e $0/go ]; do sleep 0.02; done; echo loss 2.5"),
           Shell(1, "echo iter 7/9: loss 3 >&2; sleep 60"),
           Shell(2, "while [ ! -e $0/told ]; do sleep 0.02; done; echo iter 8/9: loss 4; mkdir $0/go; sleep 60")});
  const Progress progress = AwaitStep(7);
  EXPECT_EQ(progress, (Progress{.step = 7, .steps_total = 9, .loss = "3"}));
  std::filesystem::create_directory(root_ + "/told");
  EXPECT_EQ(AwaitEnds(1).progress, progress) << "its own loss counts for more than another rank's";
}

TEST_F(ProgressOf, TheLastStepIsKnownWhenTheGangIsGoneAndItsKeeperToo) {
  RunWith({Shell(0, "echo iter 7/9: loss 3; echo iter 8/9: loss 3; exit 1")});
  EXPECT_EQ(AwaitPhase(KeeperPhase::empty).progress->step, 8u);
  Send(KeeperQuit{});
  EXPECT_EQ(AwaitKind(KeeperEventKind::gone).status.progress->step, 8u);
}

TEST_F(ProgressOf, TheFileCountsUpToItsLastLine) {
  RankCommand rank = Shell(0,
                           "echo iter 7/9: loss 3; echo '{\"step\":70,\"steps_total\":90}' > $0/file; "
                           "while [ ! -e $0/go ]; do sleep 0.02; done; echo '{\"step\":80}' >> $0/file");
  rank.progress_file = root_ + "/file";
  RunWith({rank});
  EXPECT_EQ(AwaitStep(70), (Progress{.step = 70, .steps_total = 90, .loss = "3"}));
  std::filesystem::create_directory(root_ + "/go");
  EXPECT_EQ(AwaitPhase(KeeperPhase::empty).progress->step, 80u);
}

TEST_F(ProgressOf, AnExpressionThatCannotBeUsedStopsNoRank) {
  RunWith({Shell(0, "echo iter 7/9: loss 3")}, "((");
  EXPECT_EQ(AwaitPhase(KeeperPhase::empty).progress->step, 7u);
  EXPECT_NE(FileText(spool() + "/keeper.log").find("progress is not read from lines as asked: progress.step"),
            std::string::npos);
}

// Ten thousand lines are one or two words to the agent, and not one more write to the disk.
TEST_F(ProgressOf, ProgressAloneIsToldOnceASecondAndRecordedNever) {
  RunWith({Shell(0, "i=0; while [ $i -lt 10000 ]; do i=$((i+1)); echo iter $i/9: loss 3; done; touch $0/said; sleep 60")});
  ASSERT_TRUE(Eventually([&] { return std::filesystem::exists(root_ + "/said"); }));
  std::size_t told = 0;
  Await("the last step", [&](const KeeperEvent& e) {
    told += e.status.progress ? 1 : 0;
    return e.status.progress && e.status.progress->step == 10000;
  });
  EXPECT_LE(told, 5u);
  // The record that says "running" holds what was known when a slow disk took it; nothing that came after it alone.
  const std::optional<Progress> recorded = ReadRecord(spool())->status.progress;
  EXPECT_TRUE(!recorded || recorded->step < 10000) << recorded->step;
}

std::string TailOf(const std::string& bytes) {
  StderrTail tail;
  tail.Append(bytes);
  return tail.Text();
}

TEST(Tail, IsTheLastWholeLinesThatFit) {
  EXPECT_EQ(TailOf(""), "");
  EXPECT_EQ(TailOf("\n\n"), "");
  EXPECT_EQ(TailOf("one\ntwo\n"), "one\ntwo");
  EXPECT_EQ(TailOf("Traceback:\n  File\nValueError: no\n\n"), "Traceback:\n  File\nValueError: no");
  const std::string line(1000, 'y');
  EXPECT_EQ(TailOf(Cat(line, "\n", line, "\n", line, "\n", line, "\n", line, "\n")),
            Cat(line, "\n", line, "\n", line, "\n", line));
  EXPECT_EQ(TailOf(std::string(100000, 'z') + "\nend"), "end");
}

TEST(Tail, OfARankThatEndedWellIsWhatItsLauncherLearnsFrom) {
  EXPECT_EQ(FiguresIn("loss 1.2\neverstep-agent: FAIL memory.free: 1 GiB\neverstep-probe: measured x\nbye"),
            "everstep-agent: FAIL memory.free: 1 GiB\neverstep-probe: measured x");
}

TEST(Tail, IsSafeToShow) {
  EXPECT_EQ(TailOf("10%\r50%\r100%\r\n"), "100%");
  EXPECT_EQ(TailOf("\x1b[31mred\x1b[0m \xff\x01"), "red ??");
  const std::string umlauts = TailOf([] {
    std::string text;
    for (int i = 0; i < 3000; ++i) text += "ü";
    return text + "x";
  }());
  EXPECT_LE(umlauts.size(), limit::kTailBytes);
  EXPECT_EQ(umlauts.substr(0, 2), "ü");
  EXPECT_EQ(umlauts.back(), 'x');
}

TEST(Tail, ComesFromAnyNumberOfPieces) {
  StderrTail tail;
  for (int i = 0; i < 100000; ++i) tail.Append(Cat("line ", i, "\n"));
  EXPECT_TRUE(tail.Text().ends_with("\nline 99998\nline 99999")) << tail.Text().size();
  EXPECT_TRUE(tail.Text().starts_with("line "));
}

}  // namespace
}  // namespace everstep
