#include "agent/keeper/fault.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <optional>

#include "base/real/clock.h"
#include "base/real/poll.h"
#include "base/real/proc.h"
#include "base/text.h"

namespace everstep {

namespace {

constexpr std::string_view kFreeze = "--freeze=";
constexpr std::string_view kKeeperName = "everstep-keeper";

// The rank's process and its parent, the keeper.
struct Target {
  ProcessStat rank{};
  ProcessStat keeper{};
};

Result<Target> Find(const Fault& fault, const KeeperStatus& gang) {
  for (const RankStatus& rank : gang.ranks) {
    if (rank.rank != fault.rank || rank.exit || rank.pid == 0) continue;
    const auto process = StatOf(static_cast<pid_t>(rank.pid));
    const auto keeper = process ? StatOf(process->parent) : std::nullopt;
    if (keeper && keeper->name == kKeeperName) return Target{.rank = *process, .keeper = *keeper};
  }
  return Fail(ErrorCode::kConflict, Cat("rank ", fault.rank, " does not run here"));
}

std::vector<ProcessStat> WithDescendants(const ProcessStat& root) {
  std::vector<ProcessStat> all = DescendantsOf({root.pid}, AllProcesses());
  all.push_back(root);
  return all;
}

// Its parent ends at once, so that nobody has to wait for it later.
Status Freeze(const std::vector<ProcessStat>& processes, Duration lasts, const std::string& program) {
  std::vector<std::string> arguments{program, Cat(kFreeze, lasts.count())};
  for (const ProcessStat& process : processes) arguments.push_back(Cat(process.pid, ':', process.started));
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  char* const env[] = {nullptr};
  pid_t pid = 0;
  if (const int error = ::posix_spawn(&pid, program.c_str(), nullptr, nullptr, argv.data(), env); error != 0)
    return FailErrno(error, "start", program);
  int how = 0;
  while (::waitpid(pid, &how, 0) < 0 && errno == EINTR) {
  }
  return how == 0 ? Status() : Fail(ErrorCode::kIo, Cat(program, " --freeze ended with status ", how));
}

// "PID:STARTED", as long as it is that process.
std::optional<Fd> Exactly(std::string_view word) {
  const std::size_t colon = word.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto pid = ParseUnsigned(word.substr(0, colon));
  const auto started = ParseUnsigned(word.substr(colon + 1));
  if (!pid || !started || *pid > INT32_MAX) return std::nullopt;
  Fd pidfd = OpenPidfd(static_cast<pid_t>(*pid));
  const auto now = StatOf(static_cast<pid_t>(*pid));  // after: the descriptor is of the process that this tells of, or of none
  if (!pidfd.open() || !now || now->started != *started) return std::nullopt;
  return pidfd;
}

// Until `until`, or all have ended.
void Await(const std::vector<Fd>& processes, Time until) {
  RealClock clock;
  std::vector<pollfd> living;
  for (const Fd& pidfd : processes) living.push_back({pidfd.get(), POLLIN, 0});
  while (!living.empty()) {
    const Duration left = until - clock.Now();
    if (left <= 0ns) return;
    PollOrPause(living, static_cast<int>(std::min<Duration>(left, 1h) / 1ms) + 1);
    std::erase_if(living, [](const pollfd& fd) { return fd.revents != 0; });
  }
}

}  // namespace

Status BringAbout(const Fault& fault, const KeeperStatus& gang, const std::string& keeper) {
  EVERSTEP_ASSIGN(const Target target, Find(fault, gang));
  const auto self = StatOf(::getpid());
  if (!self) return Fail(ErrorCode::kInvalid, "/proc does not show this process");
  switch (fault.kind) {
    case FaultKind::rank_kill: KillExactly(target.rank); return {};
    case FaultKind::hang: return Freeze(WithDescendants(target.rank), fault.lasts, keeper);
    case FaultKind::link_cut: return Freeze({*self}, fault.lasts, keeper);
    case FaultKind::freeze: {
      std::vector<ProcessStat> all = WithDescendants(target.keeper);
      all.push_back(*self);
      return Freeze(all, fault.lasts, keeper);
    }
    case FaultKind::host_lost: {
      std::vector<ProcessStat> all = WithDescendants(target.keeper);
      KillExactly(target.keeper);  // first: it sees no rank die
      for (const ProcessStat& process : all) KillExactly(process);
      return Freeze({*self}, fault.lasts, keeper);
    }
    case FaultKind::checkpoint_torn: break;
  }
  return Fail(ErrorCode::kInvalid, "a torn checkpoint is no matter of processes");
}

int FreezeMain(const std::vector<std::string>& arguments) {
  const auto lasts = ParseUnsigned(std::string_view(arguments.front()).substr(kFreeze.size()));
  if (!lasts || *lasts > static_cast<std::uint64_t>(limit::kFaultLasts.count())) {
    std::fprintf(stderr, "everstep-keeper: %s: legal: nanoseconds, at most 10 min\n", arguments.front().c_str());
    return 2;
  }
  const pid_t child = ::fork();
  if (child != 0) return child < 0 ? 1 : 0;
  ::setsid();
  std::vector<Fd> stopped;
  for (std::size_t i = 1; i < arguments.size(); ++i)
    if (auto process = Exactly(arguments[i])) stopped.push_back(*std::move(process));
  for (const Fd& process : stopped) SignalPidfd(process, SIGSTOP);
  Await(stopped, RealClock().Now() + Duration(static_cast<std::int64_t>(*lasts)));
  for (const Fd& process : stopped) SignalPidfd(process, SIGCONT);
  return 0;
}

}  // namespace everstep
