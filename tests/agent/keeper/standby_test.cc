// Ranks that wait with real Pythons, and become what a start asks for.
#include "agent/core/standby.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>

#include "base/real/proc.h"
#include "base/text.h"
#include "tests/agent/keeper/host.h"

namespace everstep {
namespace {

class StandbyRanks : public Host {
 protected:
  // What the ranks of the next generation will be: a script that says who it is.
  RankCommand Script(std::uint32_t rank, const std::string& last = "--last") {
    const std::string script = root_ + "/script.py";
    std::ofstream(script)
        << "import json, os, sys\n"
           "modules = 'decimal' in sys.modules\n"
           "print(json.dumps([sys.argv, sys.path[0], __name__, os.environ.get('RANK'), "
           "os.environ.get('EVERSTEP_OLD'), sys.stdin.read(), modules, os.getpid(), os.getcwd()]), flush=True)\n"
           "sys.exit(7 if sys.argv[-1] == '--fail' else 0)\n";
    return {.rank = rank,
            .local_rank = rank,
            .argv = {"/usr/bin/python3", "-u", script, Cat("--rank=", rank), last},
            .env = {Cat("RANK=", rank), "EVERSTEP_NEW=1", "MARK=" + root_}};
  }
  // The same as they wait, `EVERSTEP_OLD` being a variable of the generation before.
  KeeperStandby Waiting(std::size_t ranks) {
    KeeperStart running{.workdir = root_};
    for (std::uint32_t rank = 0; rank < ranks; ++rank) {
      running.ranks.push_back(Script(rank));
      running.ranks.back().env = {"RANK=9", "EVERSTEP_OLD=1", "MARK=" + root_};
    }
    return StandbyFor(running, {"decimal", "no_such_module"}).value();
  }
  std::vector<std::int64_t> WaitingPids(std::size_t count) {
    std::vector<std::int64_t> pids;
    EXPECT_TRUE(Eventually([&] {
      pids.clear();
      for (const ProcessStat& child : DescendantsOf({static_cast<pid_t>(KeeperPid())}, AllProcesses()))
        pids.push_back(child.pid);
      return pids.size() == count;
    }));
    return pids;
  }
  void LaunchWaiting(std::size_t ranks) {
    Launch();
    AwaitKind(KeeperEventKind::up);
    Send(Waiting(ranks));
  }
};

TEST_F(StandbyRanks, BecomeTheScriptWithItsArgumentsAndExactlyItsEnvironment) {
  LaunchWaiting(2);
  const auto waited = WaitingPids(2);
  Send(KeeperStart{.workdir = root_, .ranks = {Script(0), Script(1, "--fail")}});
  const KeeperStatus status = AwaitPhase(KeeperPhase::empty);
  for (const std::uint32_t rank : {0u, 1u}) {
    const std::int64_t pid = status.ranks.at(rank).pid;
    EXPECT_NE(std::find(waited.begin(), waited.end(), pid), waited.end()) << "the process that waited";
    EXPECT_EQ(LogOf(rank, "out"),
              Cat("[[\"", root_, "/script.py\", \"--rank=", rank, "\", \"", rank == 0 ? "--last" : "--fail", "\"], \"", root_,
                  "\", \"__main__\", \"", rank, "\", null, \"\", true, ", pid, ", \"", root_, "\"]\n"));
    EXPECT_EQ(LogOf(rank, "err"), "");
    EXPECT_EQ(status.ranks.at(rank).exit->code, rank == 0 ? 0u : 7u);
  }
}

TEST_F(StandbyRanks, WhatAnImportStartsDoesNotReadWhatIsForThem) {
  std::ofstream(root_ + "/eats.py") << "import subprocess\nsubprocess.run(['cat'], check=True)\n";
  Launch();
  AwaitKind(KeeperEventKind::up);
  KeeperStandby waiting = Waiting(1);
  waiting.ranks.at(0).argv.back() = "eats";
  waiting.ranks.at(0).env.push_back("PYTHONPATH=" + root_);
  Send(waiting);
  WaitingPids(1);
  RankCommand rank = Script(0, "--fail");
  rank.env.push_back("PYTHONPATH=" + root_);
  Send(KeeperStart{.workdir = root_, .ranks = {rank}});
  EXPECT_EQ(AwaitPhase(KeeperPhase::empty).ranks.at(0).exit->code, 7u) << "it ran the script";
}

TEST_F(StandbyRanks, WhatDoesNotFitStartsColdAndTheOthersAreKilled) {
  LaunchWaiting(2);
  const auto waited = WaitingPids(2);
  RankCommand other = Script(0);
  other.argv[1] = "-B";
  Send(KeeperStart{.workdir = root_, .ranks = {other}});
  const KeeperStatus status = AwaitPhase(KeeperPhase::empty);
  EXPECT_EQ(std::find(waited.begin(), waited.end(), status.ranks.at(0).pid), waited.end());
  EXPECT_EQ(status.ranks.at(0).exit->code, 0u);
  for (const std::int64_t pid : waited) EXPECT_TRUE(Eventually([&] { return !Alive(pid); }));
}

TEST_F(StandbyRanks, WhoseEnvironmentWasReadAnewAndDiffersStartsCold) {
  for (const char* variable : {"PYTHONPATH=/elsewhere", "MASTER_PORT=20001"}) {
    LaunchWaiting(1);
    const std::int64_t waited = WaitingPids(1).at(0);
    RankCommand rank = Script(0);
    rank.env.push_back(variable);
    Send(KeeperStart{.workdir = root_, .ranks = {rank}});
    const KeeperStatus status = AwaitPhase(KeeperPhase::empty);
    EXPECT_EQ(status.ranks.at(0).pid == waited, variable == std::string("MASTER_PORT=20001")) << variable;
    EXPECT_EQ(status.ranks.at(0).exit->code, 0u);
    Send(KeeperQuit{});
    AwaitKind(KeeperEventKind::gone);
    agent_->Discard(gang_);
  }
}

TEST_F(StandbyRanks, OneThatDiedWaitingIsReplacedByAColdOne) {
  LaunchWaiting(1);
  const std::int64_t waited = WaitingPids(1).at(0);
  ::kill(static_cast<pid_t>(waited), SIGKILL);
  ASSERT_TRUE(Eventually([&] { return !std::filesystem::exists(Cat("/proc/", waited)); })) << "reaped";
  Send(KeeperStart{.workdir = root_, .ranks = {Script(0)}});
  EXPECT_EQ(AwaitPhase(KeeperPhase::empty).ranks.at(0).exit->code, 0u);
}

TEST_F(StandbyRanks, GoWithTheirKeeperWhateverEndsIt) {
  LaunchWaiting(2);
  const auto quit = WaitingPids(2);
  Send(KeeperQuit{});
  AwaitKind(KeeperEventKind::gone);
  for (const std::int64_t pid : quit) EXPECT_FALSE(Alive(pid));
  agent_->Discard(gang_);

  LaunchWaiting(2);
  const auto orphaned = WaitingPids(2);
  ::kill(static_cast<pid_t>(KeeperPid()), SIGKILL);
  AwaitKind(KeeperEventKind::gone);
  for (const std::int64_t pid : orphaned) EXPECT_TRUE(Eventually([&] { return !Alive(pid); }));
}

TEST_F(StandbyRanks, AreKilledWhenTheLeaseEnds) {
  Launch(3s);
  AwaitKind(KeeperEventKind::up);
  Send(Waiting(1));
  const std::int64_t pid = WaitingPids(1).at(0);
  const KeeperStatus status = AwaitPhase(KeeperPhase::empty);
  EXPECT_TRUE(status.fenced);
  EXPECT_TRUE(Eventually([&] { return !Alive(pid); }));
}

}  // namespace
}  // namespace everstep
