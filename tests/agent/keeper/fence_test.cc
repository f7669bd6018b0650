// The fence timer: a gang does not outlive its lease, whether an agent is there or not.
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>

#include "agent/keeper/line_socket.h"
#include "base/text.h"
#include "tests/agent/keeper/host.h"

namespace everstep {
namespace {

class Fence : public Host {};

TEST_F(Fence, ALeaseThatIsNotExtendedEndsEverythingAtOnce) {
  Run({Shell(0, "trap '' TERM; setsid sh -c 'echo $$ > $0/daemon; exec sleep 1000' $0 & while :; do sleep 0.05; done")}, 3s);
  const std::int64_t daemon = PidIn("daemon");
  const KeeperStatus status = AwaitPhase(KeeperPhase::empty);
  EXPECT_TRUE(status.fenced);
  EXPECT_EQ(status.why, "fenced: the lease ran out");
  EXPECT_EQ(status.ranks[0].exit->signal, static_cast<std::uint32_t>(SIGKILL));
  EXPECT_TRUE(status.ranks[0].exit->stopped_by_us);
  EXPECT_FALSE(Alive(daemon));
}

TEST_F(Fence, TheFenceFiresWithNoAgentThereAndTheSpoolTellsTheNextOne) {
  const KeeperStatus running = Run({Shell(0, "exec sleep 1000")}, 3s);
  EndAgent();
  EXPECT_TRUE(Eventually([&] { return !Alive(running.ranks[0].pid); }));
  // With nobody to tell and nothing to guard the keeper ends; its record stays.
  EXPECT_TRUE(Eventually([&] { return !ConnectUnix(SocketIn(spool())); }));
  StartAgent();
  ASSERT_EQ(agent_->Adopt().value(), std::vector{gang_});
  const KeeperEvent gone = AwaitKind(KeeperEventKind::gone);
  EXPECT_EQ(gone.why, "the keeper has ended");
  EXPECT_EQ(gone.status.phase, KeeperPhase::empty);
  EXPECT_TRUE(gone.status.fenced);
  EXPECT_EQ(gone.status.ranks[0].pid, running.ranks[0].pid);
  EXPECT_TRUE(gone.status.ranks[0].exit->stopped_by_us);
}

TEST_F(Fence, AnExtendedLeaseKeepsTheGangAndAShorterOneChangesNothing) {
  Launch(3s);
  Send(KeeperLease{.until = clock_.Now() + 10min});
  Send(KeeperLease{.until = clock_.Now() + 1ms});
  // Outlives the first lease and the third one, which is over long before it ends.
  Start({Shell(0, "sleep 3.5; exit 4")});
  const KeeperStatus status = AwaitPhase(KeeperPhase::empty);
  EXPECT_FALSE(status.fenced);
  EXPECT_EQ(status.ranks[0].exit->code, 4u);
}

TEST_F(Fence, ALeaseThatRunsOutBeforeTheStartForbidsTheStart) {
  Launch(0s);
  const KeeperStatus status = AwaitPhase(KeeperPhase::empty);
  EXPECT_TRUE(status.fenced);
  EXPECT_EQ(status.why, "fenced before it was started: the lease ran out");
  Start({Shell(0, "echo > $0/started")});
  Send(KeeperLease{.until = clock_.Now() + 10min});
  Send(KeeperQuit{});
  EXPECT_TRUE(AwaitKind(KeeperEventKind::gone).status.ranks.empty());
  EXPECT_FALSE(std::filesystem::exists(root_ + "/started"));
}

}  // namespace
}  // namespace everstep
