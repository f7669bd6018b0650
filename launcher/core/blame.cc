#include "launcher/core/blame.h"

#include <array>

#include "base/text.h"

namespace everstep {

namespace {

constexpr std::array<std::string_view, 32> kSignals = {
    "",          "SIGHUP",  "SIGINT",    "SIGQUIT", "SIGILL",   "SIGTRAP", "SIGABRT", "SIGBUS",
    "SIGFPE",    "SIGKILL", "SIGUSR1",   "SIGSEGV", "SIGUSR2",  "SIGPIPE", "SIGALRM", "SIGTERM",
    "SIGSTKFLT", "SIGCHLD", "SIGCONT",   "SIGSTOP", "SIGTSTP",  "SIGTTIN", "SIGTTOU", "SIGURG",
    "SIGXCPU",   "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO",   "SIGPWR",  "SIGSYS"};
constexpr std::uint32_t kSigabrt = 6;

// What the peers of a dead rank print: gloo, NCCL, MPI and the kernel's own words.
constexpr std::string_view kVictimWords[] = {"onnection reset by peer",
                                             "onnection closed by peer",
                                             "roken pipe",
                                             "Connection refused",
                                             "ocket Timeout",
                                             "imed out waiting",
                                             "Watchdog caught collective operation timeout"};
constexpr std::string_view kPortWords[] = {"Address already in use", "EADDRINUSE"};

template <std::size_t N>
bool HasAny(std::string_view text, const std::string_view (&words)[N]) {
  for (const std::string_view word : words)
    if (text.find(word) != std::string_view::npos) return true;
  return false;
}

// The last line of stderr that says something: for a Python traceback, the exception.
std::string LastLine(std::string_view tail) {
  tail = Trim(tail);
  const std::size_t start = tail.rfind('\n');
  return Clip(Printable(Trim(start == std::string_view::npos ? tail : tail.substr(start + 1))), 160);
}

// Digits differ from run to run (addresses, pids, times): they are no part of a signature.
std::string WithoutDigits(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (c < '0' || c > '9') out += c;
  return out;
}

}  // namespace

std::string SignalName(std::uint32_t signal) {
  return signal > 0 && signal < kSignals.size() ? std::string(kSignals[signal]) : Cat("signal ", signal);
}

std::uint32_t ShellCode(const RankExit& exit) { return exit.signal ? 128 + *exit.signal : exit.code.value_or(1); }

EndClass Classify(const RankExit& exit) {
  if (exit.code == 0u) return EndClass::good;
  if (exit.stopped_by_us) return EndClass::stopped;
  if (exit.oom_kill) return EndClass::oom;
  if (exit.signal && exit.signal != kSigabrt) return EndClass::signal;
  if (HasAny(exit.tail, kPortWords)) return EndClass::port_taken;
  if (HasAny(exit.tail, kVictimWords)) return EndClass::victim;
  return EndClass::error;
}

std::string Describe(const RankExit& exit) {
  const std::string line = LastLine(exit.tail);
  std::string text =
      exit.signal ? Cat("was killed by ", SignalName(*exit.signal)) : Cat("exited with code ", exit.code.value_or(1));
  if (exit.oom_kill) text += " (out of memory)";
  if (!exit.signal && !line.empty()) text += Cat(": ", line);
  return text;
}

std::optional<Culprit> FindCulprit(const std::vector<RankEnd>& ends) {
  const RankEnd* worst = nullptr;
  for (const RankEnd& end : ends) {
    if (Classify(end.exit) == EndClass::good) continue;
    if (!worst || Classify(end.exit) < Classify(worst->exit)) worst = &end;
  }
  if (!worst) return std::nullopt;
  const std::string what = Describe(worst->exit);
  return Culprit{*worst, Classify(worst->exit), Cat("rank ", worst->rank, " on ", worst->node, ' ', what), WithoutDigits(what)};
}

}  // namespace everstep
