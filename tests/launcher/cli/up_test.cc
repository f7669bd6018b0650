// A whole cluster on this machine, up and down again, with the real programs: nothing of it may be left.

#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/real/proc.h"
#include "base/text.h"
#include "launcher/cli/local_cluster.h"
#include "tests/launcher/cli/program.h"

namespace everstep {
namespace {

class UpAndDown : public ClusterTest {
 protected:
  // The only keeper of node 1, in the only gang it has.
  std::string KeeperPid() const {
    for (const auto& spool : std::filesystem::directory_iterator(Directory() + "/n1/gangs"))
      if (spool.is_directory()) return Split(ReadKernelFile(spool.path().string() + "/keeper.pid").value_or(""), ' ').front();
    return {};
  }
  // Control groups that the keeper of this pid made, as far as they are left.
  static std::vector<std::string> CgroupsOf(const std::string& keeper) {
    std::vector<std::string> found;
    for (const char* top : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/memory"}) {
      std::error_code error;
      for (std::filesystem::directory_iterator it(top, error), end; !error && it != end; it.increment(error)) {
        const std::string name = it->path().filename().string();
        if (name.starts_with("everstep-") && name.ends_with('-' + keeper)) found.push_back(it->path().string());
      }
    }
    return found;
  }
};

TEST_F(UpAndDown, RunReturnsTheOutputAndTheCodeOfTheJobAndDownLeavesNothing) {
  Up("2");
  const Ran good = Everstep({"run", "--nnodes", "2", "--", "sh", "-c", "echo rank $RANK of $WORLD_SIZE; echo to stderr >&2"});
  EXPECT_EQ(good.code, 0) << good.err;
  EXPECT_NE(good.out.find("[rank 0 n1] rank 0 of 2\n"), std::string::npos) << good.out;
  EXPECT_NE(good.out.find("[rank 1 n2] rank 1 of 2\n"), std::string::npos) << good.out;
  EXPECT_NE(good.err.find("[rank 0 n1] to stderr\n"), std::string::npos) << good.err;
  EXPECT_NE(good.err.find("==> sh-1 is done"), std::string::npos) << good.err;
  EXPECT_EQ(Everstep({"run", "--max-restarts", "0", "--", "sh", "-c", "exit 7"}).code, 7);

  const Ran submitted = Everstep({"submit", "-"}, "command: [sh, -c, exit 3]\nrestart: {budget: 0 per 1h}\n");
  EXPECT_EQ(submitted.code, 0) << submitted.err;
  EXPECT_EQ(submitted.out, "job-3\n") << "the id and nothing else";
  EXPECT_EQ(Everstep({"wait", "job-3"}).code, 3);
  const Ran waited = Everstep({"wait", "job-3", "-o", "json"});
  EXPECT_EQ(waited.code, 3);
  EXPECT_TRUE(waited.out.starts_with("{\"id\":\"job-3\"")) << waited.out;
  EXPECT_EQ(waited.err, "");
  EXPECT_EQ(Everstep({"jobs", "--no-headers"}).out, "") << "all have ended";
  EXPECT_EQ(Split(Everstep({"jobs", "--all", "--no-headers"}).out, '\n').size(), 4u);
  EXPECT_EQ(Everstep({"logs", "sh-1", "--rank", "1", "--no-prefix", "--tail", "1"}).out, "rank 1 of 2\nto stderr\n");
  for (const char* both : {"0,1", "0-1"})
    EXPECT_EQ(Split(Everstep({"logs", "sh-1", "--rank", both, "--prefix"}).out, '\n').size(), 5u) << both;

  const Ran down = Everstep({"down"});
  EXPECT_EQ(down.code, 0) << down.err;
  EXPECT_EQ(Join(Left()), "");
}

TEST_F(UpAndDown, ASecondUpIsRefusedAndTouchesNothing) {
  Up("1");
  const Ran again = Everstep({"up"});
  EXPECT_EQ(again.code, 2);
  EXPECT_NE(again.err.find("a cluster is up already"), std::string::npos) << again.err;
  EXPECT_EQ(Split(Everstep({"nodes", "--no-headers"}).out, '\n').size(), 2u);
}

TEST_F(UpAndDown, AnUpThatFailsNamesTheLaunchersReasonAndNotTheFirstLineOfItsLog) {
  Up("1");
  const std::string taken = *LocalAddress(Directory());
  const Ran up = Everstep({"up", "--nodes", "1", "--state", File("other"), "--port", taken.substr(taken.rfind(':') + 1)});
  EXPECT_EQ(up.code, 2);
  EXPECT_NE(up.err.find("everstep: the launcher ended: cannot listen on " + taken), std::string::npos) << up.err;
  EXPECT_NE(up.err.find("see " + File("other/launcher.log")), std::string::npos) << up.err;
}

TEST_F(UpAndDown, ALauncherThatDiesIsStartedAgainAndTheJobGoesOn) {
  Up("1");
  const Ran submitted =
      Everstep({"submit", "-"}, Cat("command: [sh, -c, 'until test -e ", File("go"), "; do sleep 0.1; done']\n"));
  ASSERT_EQ(submitted.code, 0) << submitted.err;
  const auto cluster = ReadLocalCluster(Directory());
  ASSERT_TRUE(cluster);
  ASSERT_EQ(cluster->daemons.front().name, "launcher");
  kill(static_cast<pid_t>(cluster->daemons.front().pid), SIGKILL);
  EXPECT_TRUE(Eventually([&] { return Everstep({"jobs"}).code == 0; }));
  std::ofstream(File("go")) << "go";
  const Ran waited = Everstep({"wait", "job-1", "--timeout", "60s"});
  EXPECT_EQ(waited.code, 0) << waited.err;
  EXPECT_NE(Everstep({"job", "job-1"}).out.find("generation 1"), std::string::npos) << "the ranks have not noticed";
}

TEST_F(UpAndDown, DownEndsAlsoWhatASupervisorThatWasKilledLeftBehind) {
  Up("1");
  const std::string word = Cat("86399.", getpid());  // found in the rank's command line
  ASSERT_EQ(Everstep({"submit", "-"}, Cat("command: [sleep, \"", word, "\"]\nstop_grace: 1s\n")).code, 0);
  ASSERT_TRUE(Eventually([&] { return Left(word).size() > Left().size(); })) << "the rank runs";
  const auto cluster = ReadLocalCluster(Directory());
  ASSERT_TRUE(cluster);
  std::string keeper;
  ASSERT_TRUE(Eventually([&] { return !(keeper = KeeperPid()).empty(); }));
  kill(static_cast<pid_t>(cluster->supervisor.pid), SIGKILL);
  for (const ProcessRecord& daemon : cluster->daemons) kill(static_cast<pid_t>(daemon.pid), SIGKILL);
  const Ran down = Everstep({"down"});
  EXPECT_EQ(down.code, 0) << down.err;
  EXPECT_EQ(Join(Left(word)), "");
  EXPECT_EQ(Join(CgroupsOf(keeper)), "") << "their keeper was killed before it could remove them";
}

TEST_F(UpAndDown, ASupervisorThatHasToKillAKeeperRemovesItsControlGroupsToo) {
  Up("1");
  const std::string word = Cat("86398.", getpid());
  ASSERT_EQ(Everstep({"submit", "-"}, Cat("command: [sleep, \"", word, "\"]\n")).code, 0);
  ASSERT_TRUE(Eventually([&] { return Left(word).size() > Left().size(); })) << "the rank runs";
  const auto cluster = ReadLocalCluster(Directory());
  ASSERT_TRUE(cluster);
  std::string keeper;
  ASSERT_TRUE(Eventually([&] { return !(keeper = KeeperPid()).empty(); }));
  kill(static_cast<pid_t>(cluster->supervisor.pid), SIGTERM);  // as at the end of a session: nobody cancels the job first
  EXPECT_TRUE(Eventually([&] { return Living(*cluster).empty() && Left(word).empty(); }));
  EXPECT_EQ(Join(CgroupsOf(keeper)), "");
}

// One torchrun on each host, which starts its own ranks: they meet without a flag. --redirects and --tee: PyTorch 1.13 on
// Python 3.11 does not start without them.
TEST_F(UpAndDown, TorchrunItselfMayBeTheCommand) {
  std::ofstream(File("sum.py")) << "import torch, torch.distributed as dist\n"
                                   "dist.init_process_group('gloo')\n"
                                   "one = torch.ones(1)\n"
                                   "dist.all_reduce(one)\n"
                                   "print('rank', dist.get_rank(), 'of', dist.get_world_size(), 'sum', int(one), flush=True)\n";
  Up("2");
  const Ran ran = Everstep({"run", "--nnodes", "2", "--nproc-per-node", "2", "--max-restarts", "0", "--workdir", directory_,
                            "--", "torchrun", "--redirects", "1", "--tee", "1", File("sum.py")});
  EXPECT_EQ(ran.code, 0) << ran.err;
  for (const char* rank : {"0", "1", "2", "3"})
    EXPECT_NE(ran.out.find(Cat("rank ", rank, " of 4 sum 4")), std::string::npos) << ran.out;
}

TEST_F(UpAndDown, TheRanksOutputIsShownAndFiledAsTorchrunsFlagsSay) {
  Up("1");
  const Ran ran = Everstep({"run", "--nproc-per-node", "2", "--local-ranks-filter", "1", "-r", "2", "--log-dir", File("logs"),
                            "--", "sh", "-c", "echo out $RANK; echo err $RANK >&2"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "[rank 1 n1] out 1\n");
  EXPECT_EQ(ran.err.find("] err"), std::string::npos) << ran.err;
  EXPECT_EQ(Read("logs/sh-1/attempt_0/0/stderr.log"), "err 0\n");
  EXPECT_EQ(Read("logs/sh-1/attempt_0/1/stderr.log"), "err 1\n");
  EXPECT_FALSE(std::filesystem::exists(File("logs/sh-1/attempt_0/1/stdout.log"))) << "neither -r nor -t names stdout";
}

TEST_F(UpAndDown, ADryRunOfRunIsTheJobFileThatDoesTheSame) {
  Up("1");
  const Ran dry = Everstep({"run", "--dry-run", "--nnodes", "2", "--name", "two", "--", "true"});
  EXPECT_EQ(dry.code, 0) << dry.err;
  EXPECT_NE(dry.err.find("would submit two, which needs 2 hosts; free now: 1 of 1 host, so that it would wait"),
            std::string::npos)
      << dry.err;
  EXPECT_EQ(Everstep({"jobs", "--all", "--no-headers"}).out, "") << "nothing was submitted";
  EXPECT_EQ(Everstep({"lint", "-"}, dry.out).code, 0) << dry.out;
}

TEST_F(UpAndDown, WaitGivesUpWithTheCodeOfATimeOut) {
  Up("1");
  ASSERT_EQ(Everstep({"submit", "-"}, "command: [a]\nnodes: 2\n").code, 0);
  const Ran waited = Everstep({"wait", "job-1", "--timeout", "200ms"});
  EXPECT_EQ(waited.code, 124);
  EXPECT_EQ(waited.err, "job-1 has not ended within 200ms\n");
  EXPECT_NE(Everstep({"explain", "job-1"}).out.find("2 hosts"), std::string::npos) << "why it waits";
  EXPECT_EQ(Everstep({"cancel", "job-1"}).code, 0);
  EXPECT_EQ(Everstep({"wait", "job-1"}).code, 128 + SIGTERM) << "cancelled, as a shell says it";
}

}  // namespace
}  // namespace everstep
