// Faults that drills bring about. What stops the agent too is played by tests/system/stories/drills.py: here it would stop the
// test.
#include "agent/keeper/fault.h"

#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>

#include "base/real/proc.h"
#include "base/text.h"
#include "tests/agent/keeper/host.h"

namespace everstep {
namespace {

using Drill = Host;

char StateNow(std::int64_t pid) {
  const auto stat = StatOf(static_cast<pid_t>(pid));
  return stat ? stat->state : '-';
}

int ExitOf(const std::vector<std::string>& words) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  pid_t pid = 0;
  int how = -1;
  if (::posix_spawn(&pid, words.front().c_str(), nullptr, nullptr, argv.data(), nullptr) != 0) return -1;
  ::waitpid(pid, &how, 0);
  return WIFEXITED(how) ? WEXITSTATUS(how) : -1;
}

TEST_F(Drill, AKilledRankEndsLikeAnyThatSomebodyKilled) {
  const KeeperStatus running = Run({Shell(0, "exec sleep 1000"), Shell(1, "exec sleep 1000")});
  agent_->Inject(gang_, {.kind = FaultKind::rank_kill, .rank = 1});
  const KeeperStatus after = AwaitEnds(1);
  ASSERT_TRUE(after.ranks[1].exit);
  EXPECT_EQ(after.ranks[1].exit->signal, 9u);
  EXPECT_FALSE(after.ranks[1].exit->stopped_by_us) << "it is judged as a failure from outside is";
  EXPECT_TRUE(Alive(running.ranks[0].pid));
}

TEST_F(Drill, AHungRankIsStoppedWithItsChildrenAndWokenAtTheEnd) {
  const KeeperStatus running = Run({Shell(0, "sh -c 'echo $PPID > $0/parent; echo $$ > $0/child; exec sleep 1000' $0 & wait")});
  const std::int64_t child = PidIn("child");
  agent_->Inject(gang_, {.kind = FaultKind::hang, .rank = 0, .lasts = 3s});
  EXPECT_TRUE(Eventually([&] { return StateNow(running.ranks[0].pid) == 'T' && StateNow(child) == 'T'; }));
  EXPECT_TRUE(Eventually([&] { return StateNow(running.ranks[0].pid) == 'S' && StateNow(child) == 'S'; }));
}

// Whoever forks as fast as it can is stopped in the end, with all its children: none goes on beside a new generation.
TEST_F(Drill, OfRanksThatForkAllTheTimeNothingGoesOn) {
  const KeeperStatus running = Run({Shell(0, "while :; do (echo x >> $0/steps; sleep 0.02) & sleep 0.01; done")});
  ASSERT_TRUE(Eventually([&] { return FileText(root_ + "/steps").size() > 40; }));
  agent_->Inject(gang_, {.kind = FaultKind::hang, .rank = 0, .lasts = 10min});
  ASSERT_TRUE(Eventually([&] { return StateNow(running.ranks[0].pid) == 'T'; }));  // the root is stopped last
  const std::size_t steps = FileText(root_ + "/steps").size();
  Send(KeeperLease{.until = clock_.Now() + kLease});
  ::poll(nullptr, 0, 300);
  EXPECT_EQ(FileText(root_ + "/steps").size(), steps);
  Send(KeeperStop{.grace = 0s});
  AwaitPhase(KeeperPhase::empty);
}

TEST_F(Drill, AStopEndsAHangToo) {
  Run({Shell(0, "exec sleep 1000")});
  agent_->Inject(gang_, {.kind = FaultKind::hang, .rank = 0, .lasts = 10min});
  Send(KeeperStop{.grace = 10s});
  AwaitPhase(KeeperPhase::empty);
}

TEST_F(Drill, WhatDoesNotRunHereIsLeftAloneAndTheReasonIsSaid) {
  std::mutex mutex;
  std::vector<std::string> said;
  options_.drill_failed = [&](const DrillFailed& failed) {
    const std::lock_guard lock(mutex);
    said.push_back(Cat(failed.gang, ": ", failed.why));
  };
  Run({Shell(0, "exec sleep 1000")});
  agent_->Inject(gang_, {.kind = FaultKind::rank_kill, .rank = 5});
  agent_->Inject({.job = JobId("other-1"), .generation = Generation(1)}, {.kind = FaultKind::rank_kill, .rank = 0});
  EXPECT_TRUE(Eventually([&] {
    const std::lock_guard lock(mutex);
    return said.size() == 2;
  }));
  EXPECT_EQ(said, (std::vector<std::string>{"story-1.1: rank 5 does not run here", "other-1.1: its keeper is not heard"}));
}

// A pid is only a name: the process that has it by now is a stranger.
TEST_F(Drill, AnotherProcessOfTheSamePidIsNotStopped) {
  const KeeperStatus running = Run({Shell(0, "exec sleep 1000")});
  const auto rank = StatOf(static_cast<pid_t>(running.ranks[0].pid));
  ASSERT_TRUE(rank);
  EXPECT_EQ(ExitOf({EVERSTEP_KEEPER, "--freeze=60000000000", Cat(rank->pid, ':', rank->started + 1), "7", "x:y"}), 0);
  EXPECT_EQ(ExitOf({EVERSTEP_KEEPER, "--freeze=never", Cat(rank->pid, ':', rank->started)}), 2);
  Send(KeeperStop{.grace = 10s});  // what is stopped hears it late
  EXPECT_EQ(AwaitPhase(KeeperPhase::empty).ranks[0].exit->signal, 15u);
}

}  // namespace
}  // namespace everstep
