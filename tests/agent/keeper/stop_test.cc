// Stop: SIGTERM, the grace, SIGKILL, and nothing left that was not seen to be gone.
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>

#include "base/text.h"
#include "tests/agent/keeper/host.h"

namespace everstep {
namespace {

class Stop : public Host {};

constexpr auto kTerm = static_cast<std::uint32_t>(SIGTERM);
constexpr auto kKill = static_cast<std::uint32_t>(SIGKILL);

TEST_F(Stop, ARankThatSavesWithinTheGraceIsLeftToEndByItself) {
  Run({Shell(0, "trap 'sleep 0.2; echo saved > $0/saved; exit 0' TERM; echo > $0/ready; while :; do sleep 0.05; done")});
  PidIn("ready");
  Send(KeeperStop{.grace = 10min});
  const KeeperStatus status = AwaitPhase(KeeperPhase::empty);
  EXPECT_EQ(status.ranks[0].exit->code, 0u);
  EXPECT_TRUE(status.ranks[0].exit->stopped_by_us);
  EXPECT_EQ(FileText(root_ + "/saved"), "saved\n");
}

TEST_F(Stop, ARankThatIgnoresSigtermIsKilledAfterTheGrace) {
  Run({Shell(0, "trap '' TERM; echo > $0/ready; while :; do sleep 0.05; done"), Shell(1, "exec sleep 1000")});
  PidIn("ready");
  Send(KeeperStop{.grace = 2s});
  const KeeperStatus stopping = AwaitEnds(1);
  EXPECT_EQ(stopping.phase, KeeperPhase::stopping);
  EXPECT_EQ(stopping.ranks[1].exit->signal, kTerm);
  const KeeperStatus status = AwaitPhase(KeeperPhase::empty);
  EXPECT_EQ(status.ranks[0].exit->signal, kKill);
  EXPECT_TRUE(status.ranks[0].exit->stopped_by_us);
}

TEST_F(Stop, ASecondStopShortensTheGraceAndNeverLengthensIt) {
  Run({Shell(0, "trap '' TERM; echo > $0/ready; while :; do sleep 0.05; done")});
  PidIn("ready");
  Send(KeeperStop{.grace = 10min});
  Send(KeeperStop{.grace = 0s});
  Send(KeeperStop{.grace = 10min});
  EXPECT_EQ(AwaitPhase(KeeperPhase::empty).ranks[0].exit->signal, kKill);
}

TEST_F(Stop, AStoppedRankIsWokenToHearTheSigterm) {
  const KeeperStatus running = Run({Shell(0, "exec sleep 1000")});
  ::kill(static_cast<pid_t>(running.ranks[0].pid), SIGSTOP);
  Send(KeeperStop{.grace = 10min});
  EXPECT_EQ(AwaitPhase(KeeperPhase::empty).ranks[0].exit->signal, kTerm);
}

TEST_F(Stop, ADaemonWithASessionOfItsOwnDoesNotOutliveTheGang) {
  Run({Shell(0, "setsid sh -c 'trap \"\" TERM HUP; (echo $$ > $0/daemon; exec sleep 1000) & wait' $0 & sleep 1000")});
  const std::int64_t daemon = PidIn("daemon");
  ASSERT_TRUE(Alive(daemon));
  Send(KeeperStop{.grace = 100ms});
  AwaitPhase(KeeperPhase::empty);
  EXPECT_FALSE(Alive(daemon));
}

TEST_F(Stop, WhatTheRanksLeaveBehindIsKilledAndNamed) {
  Run({Shell(
      0, "setsid sh -c 'echo $$ > $0/daemon; exec sleep 1000' $0 & while [ ! -s $0/daemon ]; do sleep 0.02; done; exit 0")});
  const KeeperStatus ended = AwaitEnds(1);
  EXPECT_EQ(ended.phase, KeeperPhase::running);
  const std::int64_t daemon = PidIn("daemon");
  const KeeperStatus status = AwaitPhase(KeeperPhase::empty);
  EXPECT_FALSE(Alive(daemon));
  EXPECT_EQ(status.ranks[0].exit->code, 0u);
  EXPECT_FALSE(status.ranks[0].exit->stopped_by_us);
  EXPECT_EQ(status.why, "killed 1 process that outlived the ranks by 2 s");
}

TEST_F(Stop, AChildThatSavesAfterItsShellHasEndedKeepsTheGrace) {
  Run({Shell(0, "(trap '' TERM; echo > $0/ready; while [ ! -e $0/go ]; do sleep 0.02; done; echo saved > $0/saved) & wait")});
  PidIn("ready");
  Send(KeeperStop{.grace = 10min});
  AwaitEnds(1);  // the shell
  std::filesystem::create_directory(root_ + "/go");
  AwaitPhase(KeeperPhase::empty);
  EXPECT_EQ(FileText(root_ + "/saved"), "saved\n");
}

TEST_F(Stop, AGangThatWasNeverStartedIsEmptyAndCannotBeStartedAnyMore) {
  Launch();
  AwaitKind(KeeperEventKind::up);
  Send(KeeperStop{.grace = 10s});
  EXPECT_EQ(AwaitPhase(KeeperPhase::empty).why, "stopped before it was started");
  Start({Shell(0, "echo > $0/started")});
  Send(KeeperQuit{});
  EXPECT_TRUE(AwaitKind(KeeperEventKind::gone).status.ranks.empty());
  EXPECT_FALSE(std::filesystem::exists(root_ + "/started"));
}

TEST_F(Stop, RanksThatForkAsFastAsTheyCanAreAllGone) {
  Run({Shell(0, "trap '' TERM; echo > $0/ready; while :; do (setsid sh -c 'sleep 1000 & sleep 1000' &) ; done 2>/dev/null")});
  PidIn("ready");
  Send(KeeperStop{.grace = 100ms});
  AwaitPhase(KeeperPhase::empty);
  // TearDown looks for what is left of them.
}

}  // namespace
}  // namespace everstep
