// The limits of a job that runs, told apart from those of who scans.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "health/probe/probes.h"
#include "health/scan/command.h"
#include "tests/health/probe/sick_host.h"

namespace everstep::health {
namespace {

using Words = std::vector<std::string>;

// A rank beside the healthy agent: `limits` are its soft limits of processes, files and locked memory.
std::string Rank(const std::string& processes, const std::string& files, const std::string& memlock, const std::string& cgroup,
                 const std::string& shm, const std::string& cpus) {
  return Cat("== /proc/4711/comm\npython3\n== /proc/4711/limits\nMax processes             ", processes,
             "               126000               processes\nMax open files            ", files,
             "              1048576              files\nMax locked memory         ", memlock,
             "            unlimited            bytes\n== /proc/4711/cgroup\n", cgroup,
             "\n== /proc/4711/status\nName:\tpython3\nCpus_allowed:\tf\nCpus_allowed_list:\t", cpus,
             "\n== /captured/statvfs\n/dev/shm 17179869184 17179869184 2097152 2097100\n"
             "/proc/4711/root/dev/shm ",
             shm,
             " 1 2097152 2097100\n/ 107374182400 53687091200 6553600 6000000\n/data 1099511627776 0 0 0\n"
             "/ckpt 1099511627776 549755813888 134217728 134000000\n");
}

std::string Fit(const std::string& cgroup = "0::/job") {
  return Rank("126000", "1048576", "unlimited", cgroup, "17179869184", "0-3");
}

Words BadOf(const std::string& files) { return Bad(ScanOf({.files = files}, {.pids = {"4711"}})); }

TEST(LimitsOfAJob, ARankThatHasAllItNeedsIsFit) {
  const ScanReport report = ScanOf({.files = Fit()}, {.pids = {"4711"}});
  EXPECT_EQ(Bad(report), Words());
  bool told = false;
  for (const Verdict& verdict : report.verdicts) {
    EXPECT_NE(Title(verdict), "limits.nofile") << "the scan's own limits are not the job's";
    if (Title(verdict) != "pid 4711: limits.nofile") continue;
    told = true;
    EXPECT_EQ(verdict.evidence, "python3: /proc/4711/limits: Max open files 1048576");
  }
  EXPECT_TRUE(told);
}

TEST(LimitsOfAJob, EachLimitOfTheRankIsHeldAgainstItsCheckThoughTheScanHasMore) {
  EXPECT_EQ(BadOf(Rank("126000", "256", "unlimited", "0::/job", "17179869184", "0-3")), Words{"fail pid 4711: limits.nofile"});
  EXPECT_EQ(BadOf(Rank("126000", "1048576", "65536", "0::/job", "17179869184", "0-3")), Words{"fail pid 4711: limits.memlock"});
  EXPECT_EQ(BadOf(Rank("900", "1048576", "unlimited", "0::/job", "17179869184", "0-3")),
            Words{"warn pid 4711: limits.processes"});
  EXPECT_EQ(BadOf(Rank("126000", "1048576", "unlimited", "0::/job", "67108864", "0-3")), Words{"fail pid 4711: limits.shm"});
  EXPECT_EQ(BadOf(Rank("126000", "1048576", "unlimited", "0::/job", "17179869184", "0,2")),
            Words{"warn pid 4711: cpu.allowed"});
  EXPECT_EQ(BadOf(Fit("0::/jobs/train-1/0") + "== /sys/fs/cgroup/jobs/pids.max\n900\n"),
            Words{"warn pid 4711: limits.processes"});
  EXPECT_EQ(BadOf(Fit("0::/jobs/train-1/0") + "== /sys/fs/cgroup/jobs/train-1/memory.max\n8589934592\n"),
            Words{"warn pid 4711: limits.memory"});
}

TEST(LimitsOfAJob, AProcessThatIsGoneOrOutOfSightIsUnknownWithTheReason) {
  const ScanReport gone = ScanOf({}, {.pids = {"4712"}});
  EXPECT_EQ(Bad(gone),
            (Words{"unknown pid 4712: cpu.allowed", "unknown pid 4712: limits.memlock", "unknown pid 4712: limits.nofile",
                   "unknown pid 4712: limits.processes", "unknown pid 4712: limits.memory", "unknown pid 4712: limits.shm"}));
  for (const Verdict& verdict : gone.verdicts)
    if (verdict.state != State::ok) {
      EXPECT_TRUE(verdict.why.ends_with(": there is no process 4712")) << verdict.why;
    }
  const ScanReport other = ScanOf({.files = Fit("0::/../../other")}, {.pids = {"4711"}});
  EXPECT_EQ(Bad(other), (Words{"unknown pid 4711: limits.processes", "unknown pid 4711: limits.memory"}));
  for (const Verdict& verdict : other.verdicts)
    if (verdict.state != State::ok) {
      EXPECT_TRUE(verdict.why.ends_with("/proc/4711/cgroup has 0::/../../other: that cgroup is not seen from this one"))
          << verdict.why;
    }
}

class Kept : public Sink {
 public:
  void Take(Reading reading) override { readings.push_back(std::move(reading)); }
  void Waiting(std::string) override {}
  std::vector<Reading> readings{};
};

TEST(LimitsOfAJob, AProcessOfThisHostTellsItsOwnNotOurs) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const pid_t rank = ::fork();
  if (rank == 0) {
    const rlimit few{.rlim_cur = 77, .rlim_max = 77};
    const bool set = ::setrlimit(RLIMIT_NOFILE, &few) == 0;
    char c = 'x';
    if (!set || ::write(ends[1], &c, 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  char ready = 0;
  EXPECT_EQ(::read(ends[0], &ready, 1), 1);
  Kept kept;
  ProbeLimitsOf(Root("/"), Cat(rank), kept);
  ::kill(rank, SIGKILL);
  ::waitpid(rank, nullptr, 0);
  ::close(ends[0]);
  ::close(ends[1]);
  bool files = false, shm = false;
  for (const Reading& reading : kept.readings) {
    EXPECT_TRUE(reading.absent || reading.scope == Cat("pid ", rank)) << reading.check;
    if (reading.check == "limits.nofile") files = reading.number == 77;
    if (reading.check == "limits.shm") shm = reading.number.has_value();
  }
  EXPECT_TRUE(files);
  EXPECT_TRUE(shm);
}

std::string Misuse(std::vector<const char*> words) {
  const auto command = ScanCommandFrom(static_cast<int>(words.size()), words.data());
  return command ? Join(command->options.pids) : command.error().Str();
}

TEST(LimitsOfAJob, PidsAreNumbersAndOfAScan) {
  EXPECT_EQ(Misuse({"scan", "--pid", "12,34"}), "12, 34");
  EXPECT_EQ(Misuse({"scan", "--pid", "12,self"}),
            "--pid: found 12,self, legal: up to 64 process ids, with commas between them");
  EXPECT_EQ(Misuse({"monitor", "--pid", "12"}),
            "--pid is of scan: a monitor outlives the processes of a job; everstep-agent scan --pid");
}

}  // namespace
}  // namespace everstep::health
