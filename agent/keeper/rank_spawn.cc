#include "agent/keeper/rank_spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/text.h"

namespace everstep {

namespace {

enum Stage : int { kJoinCgroup = 1, kSetUp, kEnterWorkdir, kExec, kMounts };  // kMounts + a MountStage

struct ExecReport {
  int stage = 0;
  int error = 0;
};

// All that the child needs, made before fork: after it only async-signal-safe calls are allowed, since the keeper has a second
// thread (disk_thread.h), which might have held malloc's lock.
struct ChildPlan {
  pid_t parent = 0;
  const char* program = nullptr;
  const char* workdir = nullptr;
  char* const* argv = nullptr;
  char* const* env = nullptr;
  int in = -1;  // /dev/null
  int out = -1;
  int err = -1;
  int report = -1;
  const int* join_fds = nullptr;
  std::size_t join_count = 0;
  rlimit open_files{};
  const char* oom_score = nullptr;
  const MountPlan* mounts = nullptr;
};

[[noreturn]] void ReportAndExit(const ChildPlan& plan, int stage) {
  const ExecReport report{.stage = stage, .error = errno};
  static_cast<void>(::write(plan.report, &report, sizeof report) < 0);
  ::_exit(127);
}

void DefaultSignals() {
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &standard, nullptr);  // fails for KILL and STOP: fine
  sigset_t none{};
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void WriteOomScore(const char* score) {
  const int fd = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd >= 0) static_cast<void>(::write(fd, score, std::strlen(score)) < 0);
}

[[noreturn]] void BecomeRank(const ChildPlan& plan) {
  ::setsid();
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) ReportAndExit(plan, kSetUp);
  if (::getppid() != plan.parent) ::_exit(127);  // the keeper died before the line above
  for (std::size_t i = 0; i < plan.join_count; ++i)
    if (::write(plan.join_fds[i], "0", 1) != 1) ReportAndExit(plan, kJoinCgroup);
  if (plan.oom_score != nullptr) WriteOomScore(plan.oom_score);
  ::setrlimit(RLIMIT_NOFILE, &plan.open_files);
  DefaultSignals();
  const int in = plan.in >= 0 ? plan.in : ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (in < 0 || ::dup2(in, 0) < 0 || ::dup2(plan.out, 1) < 0 || ::dup2(plan.err, 2) < 0) ReportAndExit(plan, kSetUp);
  ::close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);  // all are already; a library's own might not be
  if (plan.mounts != nullptr)
    if (const MountStage stage = EnterMounts(*plan.mounts); stage != MountStage::good)
      ReportAndExit(plan, kMounts + static_cast<int>(stage));
  if (::chdir(plan.workdir) != 0) ReportAndExit(plan, kEnterWorkdir);
  ::execve(plan.program, plan.argv, plan.env);
  ReportAndExit(plan, kExec);
}

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (const std::string& string : strings) pointers.push_back(const_cast<char*>(string.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

struct Pipe {
  Fd read{};
  Fd write{};
};

// Only the reading end is non-blocking: the rank's end must behave as any program expects.
Result<Pipe> NewPipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return FailErrno(errno, "make", "a pipe");
  Pipe pipe{.read = Fd(ends[0]), .write = Fd(ends[1])};
  if (::fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) return FailErrno(errno, "set up", "a pipe");
  return pipe;
}

}  // namespace

Result<SpawnedRank> SpawnRank(const RankCommand& command, const SpawnPlace& place, Fd* told) {
  Pipe in;
  if (told != nullptr) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return FailErrno(errno, "make", "a pipe");
    in = {.read = Fd(ends[0]), .write = Fd(ends[1])};
  }
  EVERSTEP_ASSIGN(Pipe out, NewPipe());
  EVERSTEP_ASSIGN(Pipe err, NewPipe());
  EVERSTEP_ASSIGN(Pipe report, NewPipe());
  const std::vector<char*> argv = Pointers(command.argv);
  const std::vector<char*> env = Pointers(command.env);
  const ChildPlan plan{.parent = ::getpid(),
                       .program = argv.front(),
                       .workdir = place.workdir.c_str(),
                       .argv = argv.data(),
                       .env = env.data(),
                       .in = in.read.get(),
                       .out = out.write.get(),
                       .err = err.write.get(),
                       .report = report.write.get(),
                       .join_fds = place.join_fds.data(),
                       .join_count = place.join_fds.size(),
                       .open_files = place.open_files,
                       .oom_score = place.oom_score ? place.oom_score->c_str() : nullptr,
                       .mounts = place.mounts ? &*place.mounts : nullptr};
  const pid_t pid = ::fork();
  if (pid < 0) return FailErrno(errno, "fork", Cat("rank ", command.rank));
  if (pid == 0) BecomeRank(plan);
  if (told != nullptr) *told = std::move(in.write);
  return SpawnedRank{.pid = pid, .out = std::move(out.read), .err = std::move(err.read), .report = std::move(report.read)};
}

Status ReadExecReport(int report_fd, const RankCommand& command, const SpawnPlace& place) {
  ExecReport report;
  ssize_t got = 0;
  do got = ::read(report_fd, &report, sizeof report);
  while (got < 0 && errno == EINTR);
  if (got == 0) return {};  // closed by exec
  if (got != sizeof report) return FailErrno(got < 0 ? errno : EIO, "start", Cat("rank ", command.rank));
  if (report.stage > kMounts && place.mounts)
    return Fail(MountError(*place.mounts, static_cast<MountStage>(report.stage - kMounts), report.error));
  switch (report.stage) {
    case kJoinCgroup: return FailErrno(report.error, "enter", "the cgroup of the gang");
    case kEnterWorkdir: return FailErrno(report.error, "enter workdir", place.workdir);
    case kExec: return FailErrno(report.error, "exec", command.argv.front());
    default: return FailErrno(report.error, "set up", Cat("rank ", command.rank));
  }
}

}  // namespace everstep
