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
constexpr std::uint32_t kSighup = 1, kSigint = 2, kSigkill = 9, kSigterm = 15;
constexpr std::uint32_t kFaults[] = {4, 6, 7, 8, 11};  // SIGILL, SIGABRT, SIGBUS, SIGFPE, SIGSEGV: stderr often says more
constexpr std::uint32_t kAbort = 6;

// What it did, and the line that says why, if any: `found` is that of the table.
std::string Describe(const RankExit& exit, const std::optional<BlameRules::Found>& found) {
  std::string text =
      exit.signal ? Cat("was killed by ", SignalName(*exit.signal)) : Cat("exited with code ", exit.code.value_or(1));
  if (exit.oom_kill) text += " (out of memory)";
  const bool fault = exit.signal && std::find(std::begin(kFaults), std::end(kFaults), *exit.signal) != std::end(kFaults);
  if (found && found->rule->kernel) return Cat(text, ": ", found->line);
  if (exit.signal && !fault) return text;
  const std::string line = found && !found->line.empty() ? found->line : OneLine(TellingLine(exit.tail), 160);
  return line.empty() ? text : Cat(text, ": ", line);
}

EndClass Classify(const RankExit& exit, const std::optional<BlameRules::Found>& found) {
  if (exit.stopped_by_us) return EndClass::stopped;
  if (exit.code == 0u) return EndClass::good;
  if (exit.oom_kill) return EndClass::oom;
  if (found && found->rule->role == BlameRole::victim) return EndClass::victim;
  if (exit.signal && exit.signal != kAbort) return EndClass::signal;
  if (found && found->rule->role == BlameRole::port) return EndClass::port_taken;
  return EndClass::error;
}

}  // namespace

std::string WithoutNumbers(std::string_view text) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto hex = [&](char c) { return digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); };
  const auto word = [&](char c) { return hex(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    // 00007f12a3b4c5d6, as the kernel writes addresses: a word of hexadecimal digits that begins with one of ten.
    if (digit(text[i]) && (i == 0 || !word(text[i - 1]))) {
      std::size_t end = i;
      while (end < text.size() && hex(text[end])) ++end;
      if (end - i >= 8 && (end == text.size() || !word(text[end]))) i = end;
      if (i == text.size()) break;
    }
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

EndClass Classify(const BlameRules& rules, const RankExit& exit) {
  if (exit.stopped_by_us || exit.code == 0u) return Classify(exit, std::nullopt);
  return Classify(exit, rules.Find(exit));
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

std::string Describe(const BlameRules& rules, const RankExit& exit) { return Describe(exit, rules.Find(exit)); }

Culprit Judge(const BlameRules& rules, const RankEnd& end) {
  const auto found = rules.Find(end.exit);
  const std::string what = Describe(end.exit, found);
  Culprit culprit{.end = end, .kind = Classify(end.exit, found), .signature = WithoutNumbers(what)};
  culprit.blame = {.node = end.node, .rank = end.rank, .code = end.exit.code, .signal = end.exit.signal};
  culprit.blame.cause = Cat("rank ", end.rank, " on ", end.node, ' ', what);
  if (end.exit.oom_kill) culprit.blame.kind = BlameClass::oom;
  if (!found) return culprit;
  culprit.blame.kind = found->rule->blame;
  culprit.retry = found->rule->retry;
  culprit.blame.means = found->rule->means;
  return culprit;
}

std::optional<Culprit> FindCulprit(const BlameRules& rules, const std::vector<RankEnd>& ends) {
  const RankEnd* worst = nullptr;
  EndClass worst_kind = EndClass::good;
  for (const RankEnd& end : ends) {
    const EndClass kind = Classify(rules, end.exit);
    if (kind >= worst_kind) continue;
    worst = &end;
    worst_kind = kind;
  }
  if (!worst) return std::nullopt;
  return Judge(rules, *worst);
}

BlameClass ClassOfRefusal(const BlameRules& rules, std::string_view words) {
  const auto found = rules.Find(RankExit{.code = 1, .tail = std::string(words)});
  return found && found->rule->role == BlameRole::cause ? found->rule->blame : BlameClass::host;
}

}  // namespace everstep
