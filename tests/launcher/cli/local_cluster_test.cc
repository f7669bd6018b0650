#include "launcher/cli/local_cluster.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/real/proc.h"
#include "launcher/cli/spawn.h"

namespace everstep {
namespace {

class LocalClusterFiles : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "local_cluster_XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  LocalCluster Mine() {
    return {.boot = BootIdText(), .nodes = 2, .supervisor = *RecordOf("supervisor", getpid()), .daemons = {}};
  }
  std::string directory_{};
};

TEST_F(LocalClusterFiles, TheRecordReadsBackAndGoesWithItsCluster) {
  EXPECT_EQ(ReadLocalCluster(directory_).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(WriteLocalCluster(directory_, Mine()));
  const auto again = ReadLocalCluster(directory_);
  ASSERT_TRUE(again) << again.error().Str();
  EXPECT_EQ(again->nodes, 2u);
  EXPECT_EQ(again->supervisor.pid, getpid());
  ASSERT_TRUE(RemoveLocalCluster(directory_));
  EXPECT_FALSE(ReadLocalCluster(directory_));
}

TEST_F(LocalClusterFiles, TheLastErrorOfALogIsFoundAmongItsOtherLines) {
  const std::string log = directory_ + "/launcher.log";
  EXPECT_EQ(LastError(log), "") << "there is none yet";
  std::ofstream(log) << "2026 info launcher started\n";
  EXPECT_EQ(LastError(log), "2026 info launcher started");
  std::ofstream(log, std::ios::app) << "everstep-launcher: the first\neverstep-launcher: cannot listen: in use\nE999 bind\n";
  EXPECT_EQ(LastError(log), "cannot listen: in use");
}

TEST_F(LocalClusterFiles, AnotherProcessWithThePidOfADeadOneIsNotTakenForIt) {
  LocalCluster cluster = Mine();
  EXPECT_TRUE(OpenProcess(cluster, cluster.supervisor));
  cluster.supervisor.started += 1;
  EXPECT_FALSE(OpenProcess(cluster, cluster.supervisor));
}

TEST_F(LocalClusterFiles, AfterAReboothNothingOfTheOldClusterLives) {
  LocalCluster cluster = Mine();
  cluster.boot = "another-boot";
  EXPECT_TRUE(Living(cluster).empty());
}

TEST_F(LocalClusterFiles, TheAddressCountsOnlyWhileTheClusterLives) {
  std::ofstream(directory_ + "/address") << "127.0.0.1:4711\n";
  EXPECT_FALSE(LocalAddress(directory_)) << "no record: a file that was left behind";
  LocalCluster cluster = Mine();
  ASSERT_TRUE(WriteLocalCluster(directory_, cluster));
  EXPECT_EQ(LocalAddress(directory_), "127.0.0.1:4711");
  cluster.supervisor.started += 1;
  ASSERT_TRUE(WriteLocalCluster(directory_, cluster));
  EXPECT_FALSE(LocalAddress(directory_));
}

TEST_F(LocalClusterFiles, ADaemonGetsItsEnvironmentItsLogAndOnlyTheDescriptorsThatAreNamed) {
  const Fd named(dup(STDERR_FILENO)), other(dup(STDERR_FILENO));
  const std::string log = directory_ + "/log";
  const auto pid = SpawnDaemon({.argv = {"/bin/sh", "-c", "echo $A; ls /proc/$$/fd; ps -o sid= -p $$ >/dev/null; echo end >&2"},
                                .environment = {{"A", "value"}, {"PATH", "/usr/bin:/bin"}},
                                .log = log,
                                .keep = {named.get()}});
  ASSERT_TRUE(pid) << pid.error().Str();
  int status = -1;
  ASSERT_EQ(waitpid(*pid, &status, 0), *pid);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(LogTail(log, 10), "value\n0\n1\n2\n3\nend");
  EXPECT_EQ(LogTail(log, 2), "3\nend");
  EXPECT_EQ(LogTail(directory_ + "/none", 2), "");
}

TEST_F(LocalClusterFiles, AProgramThatIsNotThereIsAnErrorAndNoChild) {
  const auto pid = SpawnDaemon({.argv = {"/nonexistent"}, .environment = {}, .log = directory_ + "/log", .keep = {}});
  ASSERT_FALSE(pid);
  EXPECT_EQ(pid.error().message, "cannot start /nonexistent: No such file or directory");
}

}  // namespace
}  // namespace everstep
