// A whole cluster on this machine, up and down again, with the real programs: nothing of it may be left.

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>

#include "base/real/clock.h"
#include "base/real/proc.h"
#include "base/text.h"
#include "launcher/cli/local_cluster.h"
#include "tests/launcher/cli/program.h"

namespace everstep {
namespace {

class UpAndDown : public ProgramTest {
 protected:
  std::string Directory() const { return File(".local/state/everstep/local"); }

  // Whatever a test that failed has left.
  void TearDown() override {
    Everstep({"down", "--now"});
    EXPECT_EQ(Join(Left()), "");
    ProgramTest::TearDown();
  }

  void Up(const std::string& nodes) {
    const Ran up = Everstep({"up", "--nodes", nodes});
    ASSERT_EQ(up.code, 0) << up.err << LogTail(Directory() + "/launcher.log", 20) << LogTail(Directory() + "/n1.log", 20);
  }

  // Processes of this test's home, by their command lines; also ranks, which are told by a word.
  std::vector<std::string> Left(const std::string& word = "no rank") const {
    std::vector<std::string> left;
    for (const ProcessStat& process : AllProcesses()) {
      std::string line = ReadKernelFile(Cat("/proc/", process.pid, "/cmdline")).value_or("");
      std::replace(line.begin(), line.end(), '\0', ' ');
      if (process.state != 'Z' && (line.find(directory_) != std::string::npos || line.find(word) != std::string::npos))
        left.push_back(Cat(process.pid, ": ", line));
    }
    return left;
  }

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

  // True once `holds` does, false if it did not within a minute.
  static bool Eventually(const std::function<bool()>& holds) {
    RealClock clock;
    for (const Time deadline = clock.Now() + 60s; !holds(); ::poll(nullptr, 0, 50))
      if (clock.Now() > deadline) return false;
    return true;
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
  const std::string keeper = KeeperPid();
  ASSERT_NE(keeper, "");
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
  const std::string keeper = KeeperPid();
  ASSERT_NE(keeper, "");
  kill(static_cast<pid_t>(cluster->supervisor.pid), SIGTERM);  // as at the end of a session: nobody cancels the job first
  EXPECT_TRUE(Eventually([&] { return Living(*cluster).empty() && Left(word).empty(); }));
  EXPECT_EQ(Join(CgroupsOf(keeper)), "");
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
