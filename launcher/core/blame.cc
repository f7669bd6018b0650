#include "launcher/core/blame.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "launcher/core/sentence.h"

namespace everstep {

namespace {

constexpr std::array<std::string_view, 32> kSignals = {
    "",          "SIGHUP",  "SIGINT",    "SIGQUIT", "SIGILL",   "SIGTRAP", "SIGABRT", "SIGBUS",
    "SIGFPE",    "SIGKILL", "SIGUSR1",   "SIGSEGV", "SIGUSR2",  "SIGPIPE", "SIGALRM", "SIGTERM",
    "SIGSTKFLT", "SIGCHLD", "SIGCONT",   "SIGSTOP", "SIGTSTP",  "SIGTTIN", "SIGTTOU", "SIGURG",
    "SIGXCPU",   "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO",   "SIGPWR",  "SIGSYS"};
constexpr std::uint32_t kSighup = 1, kSigint = 2, kSigkill = 9, kSigpipe = 13, kSigterm = 15;
constexpr std::uint32_t kFaults[] = {4, 6, 7, 8, 11};  // SIGILL, SIGABRT, SIGBUS, SIGFPE, SIGSEGV: stderr often says more
constexpr std::uint32_t kSigabrt = 6;

// What the peers of a dead rank print: gloo, NCCL, MPI and the kernel's own words. Without their first letters, which come in
// both cases.
constexpr std::string_view kVictimWords[] = {"onnection reset by peer",
                                             "onnection closed by peer",
                                             "onnection closed by remote peer",
                                             "roken pipe",
                                             "onnection refused",
                                             "ocket timeout",
                                             "ocket Timeout",
                                             "socket has timed out",
                                             "imed out waiting",
                                             "pplication timeout caused pair closure",
                                             "remote process exited",
                                             "ncclRemoteError",
                                             "atchdog caught collective operation timeout"};
constexpr std::string_view kPortWords[] = {"ddress already in use", "EADDRINUSE"};
constexpr std::string_view kExceptionEnds[] = {"Error", "Exception", "Interrupt"};

template <std::size_t N>
bool HasAny(std::string_view text, const std::string_view (&words)[N]) {
  return std::any_of(words, words + N, [&](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

// PyTorch writes "[rank0]: " before each line of a traceback.
std::string_view WithoutRank(std::string_view line) {
  const std::size_t end = line.find("]: ");
  return line.starts_with("[rank") && end != std::string_view::npos ? line.substr(end + 3) : line;
}

// "ValueError: boom", "torch.cuda.OutOfMemoryError: CUDA out of memory."
bool NamesException(std::string_view line) {
  const std::string_view name = line.substr(0, line.find(':'));
  const bool word = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
  });
  return word && std::any_of(std::begin(kExceptionEnds), std::end(kExceptionEnds),
                             [&](std::string_view end) { return name.ends_with(end); });
}

// The line of stderr that says most: the last exception of a Python traceback (libraries print more while the process ends),
// else the last line that is not blank.
std::string TellingLine(std::string_view tail) {
  std::string_view last;
  while (!tail.empty()) {
    const std::size_t start = tail.rfind('\n');
    const std::string_view line = WithoutRank(Trim(start == std::string_view::npos ? tail : tail.substr(start + 1)));
    tail = start == std::string_view::npos ? std::string_view() : tail.substr(0, start);
    if (NamesException(line)) return OneLine(line, 160);
    if (last.empty()) last = line;
  }
  return OneLine(last, 160);
}

}  // namespace

std::string WithoutNumbers(std::string_view text) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto hex = [&](char c) { return digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i).starts_with("0x")) {
      for (i += 2; i < text.size() && hex(text[i]);) ++i;
      if (i == text.size()) break;
    }
    if (!digit(text[i])) out += text[i];
  }
  return out;
}

std::string SignalName(std::uint32_t signal) {
  return signal > 0 && signal < kSignals.size() ? std::string(kSignals[signal]) : Cat("signal ", signal);
}

std::uint32_t ShellCode(const RankExit& exit) { return exit.signal ? 128 + *exit.signal : exit.code.value_or(1); }

EndClass Classify(const RankExit& exit) {
  if (exit.stopped_by_us) return EndClass::stopped;
  if (exit.code == 0u) return EndClass::good;
  if (exit.oom_kill) return EndClass::oom;
  if (exit.signal == kSigpipe) return EndClass::victim;
  if (exit.signal && exit.signal != kSigabrt) return EndClass::signal;
  if (HasAny(exit.tail, kPortWords)) return EndClass::port_taken;
  if (HasAny(exit.tail, kVictimWords)) return EndClass::victim;
  return EndClass::error;
}

bool FromOutside(const RankExit& exit) {
  return !exit.oom_kill &&
         (exit.signal == kSigkill || exit.signal == kSigterm || exit.signal == kSigint || exit.signal == kSighup);
}

bool Mentions(std::string_view text, std::uint32_t number) {
  const std::string digits = Cat(number);
  const auto digit = [&](std::size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '9'; };
  for (std::size_t at = text.find(digits); at != std::string_view::npos; at = text.find(digits, at + 1))
    if (!digit(at + digits.size()) && (at == 0 || !digit(at - 1))) return true;
  return false;
}

std::string Describe(const RankExit& exit) {
  std::string text =
      exit.signal ? Cat("was killed by ", SignalName(*exit.signal)) : Cat("exited with code ", exit.code.value_or(1));
  if (exit.oom_kill) text += " (out of memory)";
  const bool fault = exit.signal && std::find(std::begin(kFaults), std::end(kFaults), *exit.signal) != std::end(kFaults);
  const std::string line = exit.signal && !fault ? std::string() : TellingLine(exit.tail);
  return line.empty() ? text : Cat(text, ": ", line);
}

std::optional<Culprit> FindCulprit(const std::vector<RankEnd>& ends) {
  const RankEnd* worst = nullptr;
  for (const RankEnd& end : ends) {
    if (Classify(end.exit) == EndClass::good) continue;
    if (!worst || Classify(end.exit) < Classify(worst->exit)) worst = &end;
  }
  if (!worst) return std::nullopt;
  const std::string what = Describe(worst->exit);
  return Culprit{*worst, Classify(worst->exit), Cat("rank ", worst->rank, " on ", worst->node, ' ', what),
                 WithoutNumbers(what)};
}

}  // namespace everstep
