// What the host's kernel has and lacks: memory cgroups tell OOM kills, a host without cgroups is still left clean, and a disk
// that hangs holds nothing up but the logs.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/real/fd.h"
#include "base/real/proc.h"
#include "base/text.h"
#include "tests/agent/keeper/host.h"

namespace everstep {
namespace {

class Kernel : public Host {
 protected:
  // The gang's memory cgroup holds at most `bytes` from now on; false where there is none of its own.
  bool LimitMemory(std::uint64_t bytes) const {
    const auto record = ReadRecord(spool());
    for (const std::string& cgroup : record.value_or(KeeperRecord{}).cgroups) {
      if (WriteKernelFile(cgroup + "/memory.max", Cat(bytes)) == 0)
        return WriteKernelFile(cgroup + "/memory.swap.max", "0") == 0;
      if (WriteKernelFile(cgroup + "/memory.limit_in_bytes", Cat(bytes)) == 0) return true;
    }
    return false;
  }
};

TEST_F(Kernel, AnOomKillIsToldFromAKillByHand) {
  Launch();
  AwaitKind(KeeperEventKind::up);
  if (!LimitMemory(64 << 20)) GTEST_SKIP() << "this user has no memory cgroup of its own here";
  Start({Shell(0, "exec tail /dev/zero"), Shell(1, "exec sleep 1000")});
  const KeeperStatus hog = AwaitEnds(1);
  ASSERT_TRUE(hog.ranks[0].exit);
  EXPECT_EQ(hog.ranks[0].exit->signal, static_cast<std::uint32_t>(SIGKILL));
  EXPECT_TRUE(hog.ranks[0].exit->oom_kill);
  EXPECT_FALSE(hog.ranks[0].exit->stopped_by_us);
  ::kill(static_cast<pid_t>(hog.ranks[1].pid), SIGKILL);
  const KeeperStatus both = AwaitEnds(2);
  EXPECT_EQ(both.ranks[1].exit->signal, static_cast<std::uint32_t>(SIGKILL));
  EXPECT_FALSE(both.ranks[1].exit->oom_kill);
}

TEST_F(Kernel, ADiskThatHangsDelaysNeitherExitsNorFence) {
  std::filesystem::create_directories(options_.log_dir + "/story-1/1");
  // Opening a FIFO for writing waits for a reader: the keeper's disk thread hangs in it.
  ASSERT_EQ(::mkfifo(LogPath(0, "out").c_str(), 0600), 0);
  Run({Shell(0, "while :; do echo line; sleep 0.01; done"), Shell(1, "exit 3")}, 3s);
  EXPECT_EQ(AwaitEnds(1).ranks[1].exit->code, 3u);
  const KeeperStatus fenced = AwaitEnds(2);
  EXPECT_TRUE(fenced.fenced);
  EXPECT_TRUE(fenced.ranks[0].exit->stopped_by_us);
  EXPECT_FALSE(Alive(fenced.ranks[0].pid));
  const Fd reader(::open(LogPath(0, "out").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  AwaitPhase(KeeperPhase::empty);
}

// The same keeper in a mount namespace that shows it no cgroups.
class WithoutCgroups : public Host {
 protected:
  void SetUp() override {
    options_.keeper = root_ + "/keeper";
    std::ofstream(options_.keeper) << "#!/bin/sh\nexec unshare --mount sh -c 'umount -R /sys/fs/cgroup && exec \"$0\" \"$@\"' "
                                   << EVERSTEP_KEEPER << " \"$@\"\n";
    std::filesystem::permissions(options_.keeper, std::filesystem::perms::owner_all);
    if (::geteuid() != 0) GTEST_SKIP() << "only root can hide cgroups; other users mostly have none, in all of these tests";
  }
};

TEST_F(WithoutCgroups, TheKeeperSaysWhatItLacks) {
  Launch();
  EXPECT_EQ(AwaitKind(KeeperEventKind::up).status.limits,
            "no cgroup v2: processes are found by session and parent; no memory cgroup: out-of-memory kills are not told from "
            "other SIGKILLs");
}

TEST_F(WithoutCgroups, ADaemonWithASessionOfItsOwnDoesNotOutliveTheGang) {
  Run({Shell(0,
             "setsid sh -c 'trap \"\" TERM HUP; (setsid sh -c \"echo \\$\\$ > $0/daemon; exec sleep 1000\" &); sleep 1000' $0 "
             "& sleep 1000")});
  const std::int64_t daemon = PidIn("daemon");
  ASSERT_TRUE(Alive(daemon));
  Send(KeeperStop{.grace = 100ms});
  AwaitPhase(KeeperPhase::empty);
  EXPECT_FALSE(Alive(daemon));
}

TEST_F(WithoutCgroups, WhatTheRanksLeaveBehindIsKilled) {
  Run({Shell(
      0, "setsid sh -c 'echo $$ > $0/daemon; exec sleep 1000' $0 & while [ ! -s $0/daemon ]; do sleep 0.02; done; exit 0")});
  const std::int64_t daemon = PidIn("daemon");
  EXPECT_EQ(AwaitPhase(KeeperPhase::empty).why, "killed 1 process that outlived the ranks by 2 s");
  EXPECT_FALSE(Alive(daemon));
}

TEST_F(WithoutCgroups, RanksThatForkAsFastAsTheyCanAreAllGone) {
  Run({Shell(0, "trap '' TERM; echo > $0/ready; while :; do (setsid sh -c 'sleep 1000 & sleep 1000' &) ; done 2>/dev/null")});
  PidIn("ready");
  Send(KeeperStop{.grace = 100ms});
  AwaitPhase(KeeperPhase::empty);
}

TEST_F(WithoutCgroups, AKilledKeeperTakesItsRanksAndTheirSessionsAlong) {
  const KeeperStatus running =
      Run({Shell(0, "(trap '' TERM; sh -c 'echo $PPID > $0/child' $0; exec sleep 1000) & sleep 1000")});
  const std::int64_t child = PidIn("child");
  EXPECT_TRUE(Eventually([&] {
    const auto record = ReadRecord(spool());
    return record && !record->started.empty();
  }));
  ::kill(static_cast<pid_t>(KeeperPid()), SIGKILL);
  const KeeperEvent gone = AwaitKind(KeeperEventKind::gone);
  EXPECT_FALSE(Alive(running.ranks[0].pid));
  EXPECT_FALSE(Alive(child));
  EXPECT_EQ(gone.status.phase, KeeperPhase::empty);
  EXPECT_EQ(gone.why,
            "the keeper died; there was no cgroup: children of ranks with a session of their own were not looked for");
}

}  // namespace
}  // namespace everstep
