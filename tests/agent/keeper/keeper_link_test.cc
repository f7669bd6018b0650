// Keepers that can only be killed, and graves that do not become empty at once.
#include "agent/keeper/keeper_link.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/text.h"
#include "tests/agent/keeper/host.h"

namespace everstep {
namespace {

class Killed : public Host {};

TEST_F(Killed, AFrozenKeeperThatDoesNotObeyAStopIsKilledWithItsRanks) {
  const KeeperStatus running = Run({Shell(0, "exec sleep 1000")});
  const auto keeper = static_cast<pid_t>(KeeperPid());
  ::kill(keeper, SIGSTOP);
  Send(KeeperStop{.grace = 0s});
  const KeeperEvent gone = AwaitKind(KeeperEventKind::gone);
  EXPECT_EQ(gone.status.phase, KeeperPhase::empty);
  EXPECT_EQ(gone.why.substr(0, 74), "the keeper has not answered to a stop 2 s after its grace: it was killed") << gone.why;
  EXPECT_FALSE(Alive(running.ranks[0].pid));
  EXPECT_FALSE(Alive(keeper));
}

TEST_F(Killed, AFrozenKeeperOfAnEarlierAgentToo) {
  const KeeperStatus running = Run({Shell(0, "exec sleep 1000")});
  const auto keeper = static_cast<pid_t>(KeeperPid());
  EndAgent();
  ::kill(keeper, SIGSTOP);
  StartAgent();
  ASSERT_TRUE(agent_->Adopt());
  Send(KeeperStop{.grace = 0s});
  EXPECT_EQ(AwaitKind(KeeperEventKind::gone).status.phase, KeeperPhase::empty);
  EXPECT_FALSE(Alive(running.ranks[0].pid));
  EXPECT_FALSE(Alive(keeper));
}

TEST_F(Killed, AKeeperThatObeysIsNotKilledHoweverLongItsRanksTake) {
  Run({Shell(0, "trap '' TERM; echo $$ > $0/ready; while :; do sleep 0.1; done")});
  PidIn("ready");
  Send(KeeperStop{.grace = 5s});
  const KeeperStatus empty = AwaitPhase(KeeperPhase::empty);
  EXPECT_EQ(empty.ranks[0].exit->signal, static_cast<std::uint32_t>(SIGKILL));
  EXPECT_TRUE(empty.ranks[0].exit->stopped_by_us);
}

// A keeper of another version: this test listens in its place, a process of its own is what can be killed.
TEST_F(Killed, AKeeperOfAnotherProtocolIsKilledAndWhatItLeftIsBuried) {
  StartAgent();
  const auto listening = MakeSpool(spool());
  ASSERT_TRUE(listening);
  const pid_t keeper = ::fork();
  if (keeper == 0) {
    ::setsid();
    for (;;) ::pause();
  }
  ASSERT_TRUE(Eventually([&] { return StatOf(keeper)->session == keeper; }));
  std::ofstream(spool() + "/keeper.pid") << keeper << ' ' << StatOf(keeper)->started << '\n';
  KeeperRecord record{.boot = BootIdText()};
  record.status.phase = KeeperPhase::running;
  record.status.ranks.push_back({.rank = 0, .pid = 1});
  ASSERT_TRUE(WriteRecord(spool(), record));
  ASSERT_TRUE(MarkStarted(spool()));
  ASSERT_TRUE(agent_->Adopt());
  int client = -1;
  ASSERT_TRUE(Eventually([&] { return (client = ::accept(listening->get(), nullptr, nullptr)) >= 0; }));
  const Fd open(client);
  const std::string hello = "{\"protocol\":9}\n";
  ASSERT_EQ(::write(client, hello.data(), hello.size()), static_cast<ssize_t>(hello.size()));
  const KeeperEvent gone = AwaitKind(KeeperEventKind::gone);
  EXPECT_EQ(gone.status.phase, KeeperPhase::empty);
  EXPECT_NE(gone.why.find("protocol 9"), std::string::npos) << gone.why;
  EXPECT_NE(gone.why.find("it was killed"), std::string::npos) << gone.why;
  EXPECT_FALSE(Alive(keeper));
  ::waitpid(keeper, nullptr, 0);
}

TEST(Grave, IsLookedAtEachSecondUntilNothingIsLeft) {
  const std::string root = Cat(testing::TempDir(), "grave-", ::getpid());
  const std::string cgroup = root + "/cgroup";
  std::filesystem::create_directories(cgroup);
  std::ofstream(cgroup + "/cgroup.events") << "populated 1\n";
  std::ofstream(cgroup + "/cgroup.procs") << "";
  SpoolRemains remains{.started = true, .record = KeeperRecord{.boot = BootIdText(), .cgroups = {cgroup}}};
  remains.record->status.phase = KeeperPhase::running;
  remains.record->status.ranks.push_back({.rank = 0, .pid = 1});

  Time now = AtNanoseconds(0) + 1h;
  KeeperLink link = KeeperLink::Found({.job = JobId("j-1"), .generation = Generation(1)}, root);
  link.Tick(now);
  ASSERT_EQ(link.step(), KeeperLink::Step::dead);
  link.RemainsRead(now, remains);
  EXPECT_TRUE(link.TakeEvents().empty());
  now += kBurialPatience;
  link.Tick(now);
  std::vector<KeeperEvent> events = link.TakeEvents();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, KeeperEventKind::status);
  EXPECT_EQ(events[0].status.phase, KeeperPhase::stopping);
  EXPECT_EQ(link.Next(), now + 1s);
  for (int i = 0; i < 60; ++i) link.Tick(now += 1s);
  EXPECT_TRUE(link.TakeEvents().empty()) << "said once";

  std::ofstream(cgroup + "/cgroup.events") << "populated 0\n";
  link.Tick(now += 1s);
  events = link.TakeEvents();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, KeeperEventKind::gone);
  EXPECT_EQ(events[0].status.phase, KeeperPhase::empty);
  EXPECT_EQ(link.step(), KeeperLink::Step::over);
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace everstep
