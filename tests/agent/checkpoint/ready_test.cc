#include "agent/checkpoint/ready.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "agent/checkpoint/env_file.h"
#include "base/text.h"
#include "tests/agent/checkpoint/fixtures.h"

namespace everstep {
namespace {

// A listener on a free port of 127.0.0.1.
struct Listener {
  Listener() : fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    bind(fd, reinterpret_cast<sockaddr*>(&address), size);
    listen(fd, 1);
    getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
  }
  ~Listener() { close(fd); }
  int fd;
  std::uint32_t port = 0;
};

class ReadyCheck : public testing::Test {
 protected:
  ReadyCheck() {
    std::filesystem::create_directories(dir_ / "work");
    std::filesystem::create_directories(dir_ / "bin");
    Program("bin/train");
    spec_ = {.job = JobId("j-1"),
             .generation = Generation(1),
             .command = {"train", "--epochs", "3"},
             .workdir = dir_ / "work",
             .env = {{"PATH", dir_ / "none:" + dir_ / "bin"}},
             .node_rank = 1,
             .master_port = 1};
  }
  void Program(const std::string& name, unsigned mode = 0755) {
    Overwrite(dir_ / name, "#!/bin/sh\n");
    chmod((dir_ / name).c_str(), mode);
  }
  GangChecked Check() { return CheckReady(spec_, {}).checked; }
  // "host: why", or "ready"
  std::string Refused() {
    const GangChecked checked = Check();
    EXPECT_NE(checked.readied.has_value(), checked.not_readied.has_value());
    if (!checked.not_readied) return "ready";
    return Cat(Name(checked.not_readied->refusal), ": ", checked.not_readied->why);
  }

  TempDir dir_;
  GangSpec spec_;
};

TEST_F(ReadyCheck, AHostThatHasEverythingSaysWhereTheProgramIs) { EXPECT_EQ(Check().readied->program, dir_ / "bin/train"); }

TEST_F(ReadyCheck, TheWorkdirMustBeADirectory) {
  spec_.workdir = dir_ / "none";
  EXPECT_EQ(Refused(), "host: workdir " + dir_ / "none" + ": no such directory");
  spec_.workdir = dir_ / "bin/train";
  EXPECT_EQ(Refused(), "host: workdir " + dir_ / "bin/train" + ": not a directory");
}

TEST_F(ReadyCheck, TheProgramIsSearchedInTheJobsOwnPath) {
  spec_.command = {"python7"};
  EXPECT_EQ(Refused(), "host: python7: not found in PATH=" + dir_ / "none:" + dir_ / "bin");
  spec_.env.clear();
  EXPECT_EQ(Refused(), "host: python7: not found in PATH=/usr/local/bin:/usr/bin:/bin");
  spec_.command = {"sh"};
  EXPECT_EQ(Check().readied->program, "/usr/bin/sh") << "the default path";
  spec_.command = {};
  EXPECT_EQ(Refused(), "spec: command: found an empty list, legal: a program and its arguments");
}

TEST_F(ReadyCheck, PathEntriesAndNamesWithASlashAreRelativeToTheWorkdir) {
  Program("work/here");
  Program("work/sub/there");
  spec_.command = {"./here"};
  EXPECT_EQ(Check().readied->program, dir_ / "work/./here");
  spec_.command = {"here"};
  spec_.env["PATH"] = "/none:";
  EXPECT_EQ(Check().readied->program, dir_ / "work/here") << "an empty entry is the working directory";
  spec_.command = {"there"};
  spec_.env["PATH"] = "sub";
  EXPECT_EQ(Check().readied->program, dir_ / "work/sub/there");
  spec_.command = {"./none"};
  EXPECT_EQ(Refused(), "host: ./none: no such file in " + dir_ / "work");
  spec_.command = {"/none/x"};
  EXPECT_EQ(Refused(), "host: /none/x: no such file");
}

TEST_F(ReadyCheck, AFileWithoutTheExecutableBitIsPassedOverAndNamedIfNothingElseIsFound) {
  Program("none/train", 0644);
  EXPECT_EQ(Check().readied->program, dir_ / "bin/train");
  std::filesystem::remove(dir_ / "bin/train");
  EXPECT_EQ(Refused(), "host: train: " + dir_ / "none/train" + " is not an executable file");
  spec_.command = {dir_ / "bin"};
  EXPECT_EQ(Refused(), "host: " + dir_ / "bin" + ": not an executable file");
}

TEST_F(ReadyCheck, VariablesFromFilesLieUnderTheJobsOwn) {
  Overwrite(dir_ / "a.env", "TOKEN=secret1\nPATH=/somewhere\nA=1\n");
  Overwrite(dir_ / "b.env", "TOKEN=secret2\n");
  spec_.env_from = {dir_ / "a.env", dir_ / "b.env"};
  const auto env = Check().readied->env;
  EXPECT_EQ(env.at("TOKEN"), "secret2");
  EXPECT_EQ(env.at("PATH"), spec_.env.at("PATH"));
  EXPECT_EQ(env.at("A"), "1");
  spec_.env_from = {dir_ / "none.env"};
  EXPECT_EQ(Refused(), "host: env_from: cannot open " + dir_ / "none.env" + ": No such file or directory");
  mkfifo((dir_ / "pipe").c_str(), 0600);
  spec_.env_from = {dir_ / "pipe"};
  EXPECT_EQ(Refused(), "host: env_from: " + dir_ / "pipe" + " is not a regular file");
}

TEST(EnvFile, LinesAreReadAsAPersonWouldExpect) {
  const auto env =
      ParseEnvFile("# a comment\n\n  A = 1 \nB='x # y'\nC=\"a b\"\nD=\nE=a=b\nF=it's\r\nG=''\nA=2", "/etc/run1.env");
  const std::map<std::string, std::string> wanted{{"A", "2"},   {"B", "x # y"}, {"C", "a b"}, {"D", ""},
                                                  {"E", "a=b"}, {"F", "it's"},  {"G", ""}};
  ASSERT_TRUE(env) << env.error().message;
  EXPECT_EQ(*env, wanted);
}

TEST(EnvFile, ErrorsNameFileAndLineButNeverAValue) {
  const std::pair<std::string, std::string> rows[] = {
      {"A=1\nhunter2", "line 2: found no '=', legal: NAME=value"},
      {"\n#\nhunter 2=x",
       "line 3: found no name before '=', legal: 1 to 255 letters, digits and '_', not beginning with a digit"},
      {"1A=hunter2", "line 1: found no name before '=', legal: 1 to 255 letters, digits and '_', not beginning with a digit"},
      {"A=\"hunter2", "line 1: A has a quote that is not closed on the same line"},
      {"A='", "line 1: A has a quote that is not closed on the same line"},
      {std::string("A=hunter\0", 9) + "2", "line 1: A has a NUL byte"},
      {"A=" + std::string(200000, 'x'), "line 1: A has 200000 bytes, legal: at most 131069"},
  };
  for (const auto& [text, why] : rows) {
    const auto env = ParseEnvFile(text, "/etc/run1.env");
    ASSERT_FALSE(env) << why;
    EXPECT_EQ(env.error().message, "env_from /etc/run1.env " + why);
    EXPECT_EQ(env.error().message.find("hunter"), std::string::npos);
  }
}

TEST_F(ReadyCheck, TheMasterPortMustBeFreeWhereRankZeroRuns) {
  const Listener listener;
  spec_.master_port = listener.port;
  EXPECT_EQ(Refused(), "ready") << "not this host's port";
  spec_.node_rank = 0;
  EXPECT_EQ(Refused(), Cat("port: MASTER_PORT: port ", listener.port, " is in use on this host"));
  {
    const Listener other;
    spec_.master_port = other.port;
  }
  EXPECT_EQ(Refused(), "ready") << "closed by now";
}

TEST_F(ReadyCheck, TooFewOpenFilesAreNamedBeforeARankMeetsTheLimit) {
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  const rlimit small{.rlim_cur = 256, .rlim_max = before.rlim_max};
  setrlimit(RLIMIT_NOFILE, &small);
  const std::string refused = Refused();
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(refused, "host: a rank may open only 256 files here, needed are 1024: raise LimitNOFILE of the agent");
}

TEST_F(ReadyCheck, TheCheckpointDirectoryIsMadeWhereItIsWatchedAndNowhereElse) {
  spec_.checkpoint = CheckpointSpec{.dir = dir_ / "ckpt/run1"};
  EXPECT_EQ(Refused(), "ready");
  EXPECT_FALSE(Exists(dir_ / "ckpt"));
  spec_.watches_checkpoints = true;
  EXPECT_EQ(Refused(), "ready");
  EXPECT_EQ(Names(dir_ / "ckpt/run1"), std::vector<std::string>{".everstep"});
  EXPECT_EQ(Names(dir_ / "ckpt/run1/.everstep"), std::vector<std::string>{"before"}) << "the probe is gone";
  spec_.checkpoint->dir = dir_ / "bin/train/x";
  EXPECT_EQ(Refused(), Cat("host: checkpoint dir ", dir_ / "bin/train/x", " cannot be written by uid ", geteuid(),
                           ": cannot create directory ", dir_ / "bin/train", ": Not a directory"));
}

TEST_F(ReadyCheck, AnUnwritableCheckpointDirectoryIsRefusedInWords) {
  spec_.checkpoint = CheckpointSpec{.dir = "/proc"};
  spec_.watches_checkpoints = true;
  const std::string refused = Refused();
  EXPECT_TRUE(refused.starts_with(Cat("host: checkpoint dir /proc cannot be written by uid ", geteuid(), ": cannot create ")))
      << refused;
  spec_.checkpoint->dir = "/dev/full";
  EXPECT_TRUE(Refused().ends_with("/dev/full: Not a directory")) << Refused();
}

class CheckpointDisk : public ReadyCheck {
 protected:
  // In a thread with a mount namespace of its own, where `dir_`/ckpt is a file system of that kind; nobody else sees it.
  std::string RefusedOn(const std::string& options, unsigned long flags) {
    spec_.checkpoint = CheckpointSpec{.dir = dir_ / "ckpt"};
    spec_.watches_checkpoints = true;
    std::filesystem::create_directories(dir_ / "ckpt");
    std::string refused = "cannot mount here";
    std::thread([&] {
      if (unshare(CLONE_NEWNS) != 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
          mount("none", (dir_ / "ckpt").c_str(), "tmpfs", flags, options.c_str()) != 0)
        return;
      refused = Refused();
    }).join();
    return refused;
  }
};

TEST_F(CheckpointDisk, AFullOrReadOnlyOneIsSeenBeforeTheStart) {
  const std::string where = Cat("host: checkpoint dir ", dir_ / "ckpt", " cannot be written by uid ", geteuid(), ": ");
  const std::string full = RefusedOn("nr_inodes=2", 0);
  if (full == "cannot mount here") GTEST_SKIP() << full;
  EXPECT_TRUE(full.starts_with(where) && full.ends_with(": No space left on device")) << full;
  const std::string read_only = RefusedOn("", MS_RDONLY);
  EXPECT_TRUE(read_only.starts_with(where) && read_only.ends_with(": Read-only file system")) << read_only;
  EXPECT_EQ(RefusedOn("", 0), "ready");
}

TEST_F(ReadyCheck, ACheckpointDirectoryThatMayNotBeReadIsNamed) {
  std::filesystem::create_directories(dir_ / "ckpt");
  spec_.checkpoint = CheckpointSpec{.dir = dir_ / "ckpt"};
  spec_.watches_checkpoints = true;
  chmod(dir_.path().c_str(), 0755);
  chmod((dir_ / "ckpt").c_str(), 0700);
  std::string refused;
  std::thread([&] {
    if (geteuid() == 0) {
      syscall(SYS_setresuid, 65534, 65534, 65534);  // of this thread alone
    } else {
      chmod((dir_ / "ckpt").c_str(), 0000);
    }
    refused = Refused();
  }).join();
  chmod((dir_ / "ckpt").c_str(), 0700);
  EXPECT_TRUE(refused.starts_with("host: checkpoint dir " + dir_ / "ckpt") && refused.ends_with(": Permission denied"))
      << refused;
}

TEST_F(ReadyCheck, TheCheckpointToResumeFromIsCheckedOnEveryHost) {
  spec_.checkpoint = CheckpointSpec{.dir = dir_ / "ckpt"};
  spec_.resume = CheckpointSeen{.source = "step-40.pt",
                                .complete = true,
                                .path = dir_ / "ckpt/.everstep/pins/1-step-40.pt/step-40.pt",
                                .files = {{.size = 5}}};
  EXPECT_EQ(Refused(), "checkpoint: checkpoint dir " + dir_ / "ckpt" + " is not here: every host of the job must see it");
  Overwrite(spec_.resume->path, "1234");
  EXPECT_EQ(Refused(), "checkpoint: step-40.pt: size 4 bytes, registered 5");
}

}  // namespace
}  // namespace everstep
