// The life of a gang under a real keeper with real processes.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>

#include "base/real/mounts.h"
#include "base/real/proc.h"
#include "base/text.h"
#include "tests/agent/keeper/host.h"

namespace everstep {
namespace {

class Keeper : public Host {};

TEST_F(Keeper, RanksThatEndByThemselvesLeaveTheirExitCodesAndAnEmptyGang) {
  Run({Shell(4, "exit 0"), Shell(5, "echo out; echo err >&2; exit 3")});
  const KeeperStatus status = AwaitPhase(KeeperPhase::empty);
  ASSERT_EQ(status.ranks.size(), 2u);
  EXPECT_EQ(status.ranks[0].rank, 4u);
  EXPECT_EQ(status.ranks[0].exit->code, 0u);
  EXPECT_EQ(status.ranks[0].exit->tail, "");
  EXPECT_EQ(status.ranks[1].exit->code, 3u);
  EXPECT_EQ(status.ranks[1].exit->signal, std::nullopt);
  EXPECT_EQ(status.ranks[1].exit->tail, "err");
  EXPECT_FALSE(status.ranks[1].exit->stopped_by_us);
  EXPECT_FALSE(status.ranks[1].exit->oom_kill);
  EXPECT_LE(status.ranks[1].exit->at, clock_.Now());
  EXPECT_EQ(status.why, "");
  EXPECT_EQ(LogOf(5, "out"), "out\n");
  EXPECT_EQ(LogOf(5, "err"), "err\n");
}

TEST_F(Keeper, ARankKilledBySomebodyElseIsNoVictimOfOurs) {
  const KeeperStatus running = Run({Shell(0, "exec sleep 1000"), Shell(1, "exec sleep 1000")});
  ASSERT_EQ(running.phase, KeeperPhase::running);
  ::kill(static_cast<pid_t>(running.ranks[1].pid), SIGKILL);
  const KeeperStatus status = AwaitEnds(1);
  EXPECT_EQ(status.phase, KeeperPhase::running);
  EXPECT_EQ(status.ranks[0].exit, std::nullopt);
  EXPECT_EQ(status.ranks[1].exit->signal, static_cast<std::uint32_t>(SIGKILL));
  EXPECT_FALSE(status.ranks[1].exit->stopped_by_us);
  EXPECT_FALSE(status.ranks[1].exit->oom_kill);
  Send(KeeperStop{.grace = 10s});
  const KeeperStatus stopped = AwaitPhase(KeeperPhase::empty);
  EXPECT_EQ(stopped.ranks[0].exit->signal, static_cast<std::uint32_t>(SIGTERM));
  EXPECT_TRUE(stopped.ranks[0].exit->stopped_by_us);
}

std::vector<std::string> OpenIn(const std::string& proc) {
  std::vector<std::string> open;
  for (const auto& fd : std::filesystem::directory_iterator(proc + "/fd")) open.push_back(fd.path().filename());
  std::sort(open.begin(), open.end());
  return open;
}

TEST_F(Keeper, ARankGetsExactlyItsEnvironmentItsWorkdirAndNoDescriptorOfTheKeepers) {
  const KeeperStatus status = Run({{.rank = 0, .argv = {"/bin/sleep", "1000"}, .env = {"A=b=c", "EMPTY=", "B=\xff" + root_}}});
  const std::string proc = Cat("/proc/", status.ranks[0].pid);
  EXPECT_EQ(FileText(proc + "/environ"), std::string("A=b=c\0EMPTY=\0B=\xff", 16) + root_ + '\0');
  EXPECT_EQ(std::filesystem::read_symlink(proc + "/cwd"), root_);
  EXPECT_EQ(std::filesystem::read_symlink(proc + "/fd/0"), "/dev/null");
  // Its loader has libraries open for a moment.
  EXPECT_TRUE(Eventually([&] { return OpenIn(proc) == std::vector<std::string>{"0", "1", "2"}; })) << Join(OpenIn(proc));
}

std::uint64_t SignalsIn(const std::string& status, const std::string& name) {
  const std::size_t at = status.find(name + ":");
  // glibc keeps 32 and 33 for itself and lets nobody touch them.
  return at == std::string::npos ? 0 : std::stoull(status.substr(at + name.size() + 1), nullptr, 16) & ~0x180000000ull;
}

TEST_F(Keeper, ARankHasDefaultSignalsAndASessionOfItsOwnWhateverTheKeeperDoes) {
  const KeeperStatus status = Run({{.rank = 0, .argv = {"/bin/sleep", "1000"}, .env = {root_ + "="}}});
  const std::string of_rank = FileText(Cat("/proc/", status.ranks[0].pid, "/status"));
  EXPECT_EQ(SignalsIn(of_rank, "SigBlk"), 0u);
  EXPECT_EQ(SignalsIn(of_rank, "SigIgn"), 0u);
  EXPECT_NE(SignalsIn(FileText(Cat("/proc/", KeeperPid(), "/status")), "SigIgn"), 0u);
  EXPECT_EQ(StatOf(static_cast<pid_t>(status.ranks[0].pid))->session, status.ranks[0].pid);
}

TEST_F(Keeper, AMistypedProgramIsNamedWithTheReasonAndNothingRuns) {
  Launch();
  Start({{.rank = 0, .argv = {"/usr/bin/trian"}}});
  const KeeperStatus status = AwaitPhase(KeeperPhase::empty);
  EXPECT_EQ(status.why, "cannot exec /usr/bin/trian: No such file or directory");
  ASSERT_EQ(status.ranks.size(), 1u);
  EXPECT_EQ(status.ranks[0].pid, 0);
  EXPECT_EQ(status.ranks[0].exit, std::nullopt);
}

TEST_F(Keeper, AllRanksStartOrNone) {
  Launch();
  Start(
      {Shell(0, "trap '' TERM; echo $$ > $0/pid; exec sleep 1000"), {.rank = 1, .argv = {root_}}, Shell(2, "exec sleep 1000")});
  const KeeperStatus status = AwaitPhase(KeeperPhase::empty);
  EXPECT_EQ(status.why, Cat("cannot exec ", root_, ": Permission denied"));
  ASSERT_EQ(status.ranks.size(), 3u);
  EXPECT_EQ(status.ranks[1].pid, 0);
  for (const std::size_t other : {0, 2}) {
    if (status.ranks[other].pid == 0) continue;  // killed before it had come to exec
    ASSERT_TRUE(status.ranks[other].exit);
    EXPECT_EQ(status.ranks[other].exit->signal, static_cast<std::uint32_t>(SIGKILL));
    EXPECT_TRUE(status.ranks[other].exit->stopped_by_us);
  }
}

TEST_F(Keeper, AMissingWorkdirIsNamedWithTheReason) {
  Launch();
  Send(KeeperStart{.workdir = root_ + "/nowhere", .ranks = {Shell(0, "exit 0")}});
  EXPECT_EQ(AwaitPhase(KeeperPhase::empty).why, Cat("cannot enter workdir ", root_, "/nowhere: No such file or directory"));
}

TEST_F(Keeper, ARankSeesWhatItIsMountedAndTheKeeperAndEverybodyElseDoNot) {
  for (const char* directory : {"/dir/kept", "/own/kept"}) std::filesystem::create_directories(root_ + directory);
  const RankMounts mounts{.own = root_ + "/own", .over = root_ + "/dir", .shown = root_ + "/dir/kept"};
  if (const Status can = TryMounts(MountPlan(mounts)); !can) GTEST_SKIP() << can.error().message;
  Launch();
  Send(KeeperStart{
      .workdir = root_, .ranks = {Shell(0, "echo x > dir/saved; echo x > dir/kept/no || exit 3")}, .mounts = mounts});
  EXPECT_EQ(AwaitPhase(KeeperPhase::empty).ranks[0].exit->code, 3u);
  EXPECT_NE(LogOf(0, "err").find("Read-only file system"), std::string::npos) << LogOf(0, "err");
  EXPECT_EQ(FileText(root_ + "/own/saved"), "x\n");
  EXPECT_FALSE(std::filesystem::exists(root_ + "/dir/saved"));
}

TEST_F(Keeper, AMountThatFailsStartsNothingAndSaysWhy) {
  std::filesystem::create_directories(root_ + "/dir/kept");
  Launch();
  Send(KeeperStart{.workdir = root_,
                   .ranks = {Shell(0, "exit 0")},
                   .mounts = RankMounts{.own = root_ + "/none", .over = root_ + "/dir", .shown = root_ + "/dir/kept"}});
  const std::string why = AwaitPhase(KeeperPhase::empty).why;
  EXPECT_TRUE(why.starts_with("cannot mount ") || why.starts_with("cannot give ranks a mount namespace")) << why;
}

TEST_F(Keeper, AStartThatBreaksTheRulesStartsNothingAndSaysWhich) {
  Launch();
  Start({Shell(0, "exit 0"), Shell(0, "exit 0")});
  const KeeperStatus status = AwaitPhase(KeeperPhase::empty);
  EXPECT_EQ(status.why, "rank 0 stands twice in a start");
  EXPECT_TRUE(status.ranks.empty());
}

TEST_F(Keeper, ASecondStartChangesNothing) {
  const KeeperStatus first = Run({Shell(0, "exec sleep 1000")});
  Start({Shell(7, "exit 7")});
  Send(KeeperStop{.grace = 10s});
  const KeeperStatus status = AwaitPhase(KeeperPhase::empty);
  ASSERT_EQ(status.ranks.size(), 1u);
  EXPECT_EQ(status.ranks[0].pid, first.ranks[0].pid);
}

TEST_F(Keeper, AQuitIsRefusedWhileARankLives) {
  Run({Shell(0, "while [ ! -e $0/end ]; do sleep 0.02; done; exit 5")});
  Send(KeeperQuit{});
  Send(KeeperLease{.until = clock_.Now() + 20min});
  std::filesystem::create_directory(root_ + "/end");
  EXPECT_EQ(AwaitPhase(KeeperPhase::empty).ranks[0].exit->code, 5u);
  Send(KeeperQuit{});
  const std::int64_t keeper = KeeperPid();
  const KeeperEvent gone = AwaitKind(KeeperEventKind::gone);
  EXPECT_FALSE(StatOf(static_cast<pid_t>(keeper)).has_value());  // not even a zombie
  EXPECT_EQ(gone.why, "the keeper has ended");
  EXPECT_EQ(gone.status.phase, KeeperPhase::empty);
  EXPECT_EQ(gone.status.ranks[0].exit->code, 5u);
}

TEST_F(Keeper, TwoHundredRanksStartAndEnd) {
  std::vector<RankCommand> ranks;
  for (std::uint32_t i = 0; i < 200; ++i) ranks.push_back({.rank = i, .argv = {"/bin/sleep", "1000"}});
  const KeeperStatus running = Run(std::move(ranks));
  EXPECT_EQ(running.ranks.size(), 200u);
  Send(KeeperStop{.grace = 10s});
  const KeeperStatus status = AwaitPhase(KeeperPhase::empty);
  for (const RankStatus& rank : status.ranks) EXPECT_TRUE(rank.exit && rank.exit->stopped_by_us) << rank.rank;
}

}  // namespace
}  // namespace everstep
