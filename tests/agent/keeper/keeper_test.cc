// The life of a gang under a real keeper with real processes.
#include <gtest/gtest.h>
#include <signal.h>

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

}  // namespace
}  // namespace everstep
