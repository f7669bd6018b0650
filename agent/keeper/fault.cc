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

// The rank's process and its parent, the keeper.
struct Target {
  ProcessStat rank{};
  ProcessStat keeper{};
};

Result<Target> Find(const GangKey& gang, const Fault& fault, const KeeperStatus& status) {
  const std::string mine = std::string(1, '\0') + Cat("--gang=", gang) + std::string(1, '\0');
  for (const RankStatus& rank : status.ranks) {
    if (rank.rank != fault.rank || rank.exit || rank.pid == 0) continue;
    const auto process = StatOf(static_cast<pid_t>(rank.pid));
    const auto keeper = process ? StatOf(process->parent) : std::nullopt;
    const std::string words = keeper ? ReadKernelFile(Cat("/proc/", keeper->pid, "/cmdline")).value_or("") : std::string();
    if (words.find(mine) != std::string::npos) return Target{.rank = *process, .keeper = *keeper};
  }
  return Fail(ErrorCode::kConflict, Cat("rank ", fault.rank, " does not run here"));
}

std::string Word(std::string_view how, const ProcessStat& process) { return Cat(how, process.pid, ':', process.started); }

// Who starts it, this process, may be among those that are stopped: it hears of the outcome when it is woken.
Status Freeze(const std::string& program, Duration lasts, const std::vector<std::string>& words) {
  std::vector<std::string> arguments{program, Cat(kFreeze, lasts.count())};
  arguments.insert(arguments.end(), words.begin(), words.end());
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
  return how == 0 ? Status() : Fail(ErrorCode::kIo, "its processes could not all be stopped");
}

struct Stopped {
  Fd pidfd{};
  ProcessStat process{};
};

// The process that `word` (PID:STARTED) means, as long as it is that one.
std::optional<ProcessStat> Exactly(std::string_view word) {
  const std::size_t colon = word.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto pid = ParseUnsigned(word.substr(0, colon));
  const auto started = ParseUnsigned(word.substr(colon + 1));
  if (!pid || !started || *pid > INT32_MAX) return std::nullopt;
  auto now = StatOf(static_cast<pid_t>(*pid));
  return now && now->started == *started ? now : std::nullopt;
}

// False: it lives and cannot be stopped.
bool StopOne(const ProcessStat& process, std::vector<Stopped>& stopped) {
  Stopped one{.pidfd = OpenPidfd(process.pid), .process = process};
  const auto now = StatOf(process.pid);  // after: the descriptor is of the process that this tells of, or of none
  if (!now || now->started != process.started) return true;
  if (!one.pidfd.open()) return false;
  SignalPidfd(one.pidfd, SIGSTOP);
  stopped.push_back(std::move(one));
  return true;
}

// A stopped process forks no more: with each look there are fewer that still can. The root comes last: it would notice.
bool StopTree(const ProcessStat& root, std::vector<Stopped>& stopped) {
  constexpr int kLooksMax = 1000;
  const auto known = [&](const ProcessStat& process) {
    return std::any_of(stopped.begin(), stopped.end(), [&](const Stopped& one) {
      return one.process.pid == process.pid && one.process.started == process.started;
    });
  };
  int quiet = 0;  // looks in a row that found nothing new
  for (int look = 0; look < kLooksMax && quiet < 2; ++look) {
    bool news = false;
    for (const ProcessStat& process : DescendantsOf({root.pid}, AllProcesses())) {
      if (process.state == 'Z' || known(process)) continue;
      news = true;
      if (!StopOne(process, stopped)) return false;
    }
    if (!news && !known(root) && !StopOne(root, stopped)) return false;
    quiet = news ? 0 : quiet + 1;
  }
  return quiet == 2;
}

// Until `until`, or all have ended.
void Await(const std::vector<Stopped>& processes, Time until) {
  RealClock clock;
  std::vector<pollfd> living;
  for (const Stopped& one : processes) living.push_back({one.pidfd.get(), POLLIN, 0});
  while (!living.empty()) {
    const Duration left = until - clock.Now();
    if (left <= 0ns) return;
    PollOrPause(living, static_cast<int>(std::min<Duration>(left, 1h) / 1ms) + 1);
    std::erase_if(living, [](const pollfd& fd) { return fd.revents != 0; });
  }
}

// One word of the command line. False: not all of it could be done.
bool Do(std::string_view word, std::vector<Stopped>& stopped) {
  constexpr std::string_view kTree = "tree:", kKill = "kill:";
  const bool kills = word.starts_with(kKill), tree = kills || word.starts_with(kTree);
  const auto process = Exactly(tree ? word.substr(kTree.size()) : word);
  if (!process) return true;  // it has ended
  std::vector<Stopped> here;
  const bool whole = tree ? StopTree(*process, here) : StopOne(*process, here);
  for (Stopped& one : here) {
    if (kills && whole)
      SignalPidfd(one.pidfd, SIGKILL);
    else
      stopped.push_back(std::move(one));
  }
  return whole;
}

}  // namespace

Status BringAbout(const GangKey& gang, const Fault& fault, const KeeperStatus& status, const std::string& keeper) {
  EVERSTEP_ASSIGN(const Target target, Find(gang, fault, status));
  const auto self = StatOf(::getpid());
  if (!self) return Fail(ErrorCode::kIo, "/proc does not show this process");
  switch (fault.kind) {
    case FaultKind::rank_kill: KillExactly(target.rank); return {};
    case FaultKind::hang: return Freeze(keeper, fault.lasts, {Word("tree:", target.rank)});
    case FaultKind::link_cut: return Freeze(keeper, fault.lasts, {Word("", *self)});
    case FaultKind::freeze: return Freeze(keeper, fault.lasts, {Word("tree:", target.keeper), Word("", *self)});
    case FaultKind::host_lost: return Freeze(keeper, fault.lasts, {Word("kill:", target.keeper), Word("", *self)});
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
  std::vector<Stopped> stopped;
  bool done = true;
  for (std::size_t i = 1; i < arguments.size() && done; ++i) done = Do(arguments[i], stopped);
  const pid_t child = done ? ::fork() : -1;
  if (child > 0) return 0;  // whoever waits for this process waits no longer
  if (child == 0) {
    ::setsid();
    Await(stopped, RealClock().Now() + Duration(static_cast<std::int64_t>(*lasts)));
  }
  for (const Stopped& one : stopped) SignalPidfd(one.pidfd, SIGCONT);
  return child == 0 ? 0 : 1;
}

}  // namespace everstep
