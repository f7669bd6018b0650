#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <map>
#include <optional>

#include "base/real/fd.h"
#include "base/text.h"
#include "health/probe/probes.h"

namespace everstep::health {

namespace {

constexpr int kBetweenLooksMs = 500;

struct Sleeper {
  std::string name{};
  double switches = 0;  // to other tasks, by its own will: the same number is the same sleep
  friend bool operator==(const Sleeper&, const Sleeper&) = default;
};

// "state: D" of /proc/PID/stat: behind the last bracket, as a name may hold anything.
std::optional<std::string> StuckName(const Root& root, const std::string& pid) {
  const auto stat = root.Read(Cat("/proc/", pid, "/stat"));
  if (!stat) return std::nullopt;
  const std::size_t open = stat->find('('), close = stat->rfind(')');
  if (open == std::string::npos || close == std::string::npos || stat->substr(close + 1, 3) != " D ") return std::nullopt;
  return stat->substr(open + 1, close - open - 1);
}

std::optional<double> Switches(const Root& root, const std::string& pid) {
  constexpr std::string_view kField = "voluntary_ctxt_switches:\t";
  const auto status = root.Read(Cat("/proc/", pid, "/status"));
  const std::size_t at = status ? status->find(kField) : std::string::npos;
  if (at == std::string::npos) return std::nullopt;
  const std::string_view rest = std::string_view(*status).substr(at + kField.size());
  const auto number = ParseUnsigned(rest.substr(0, rest.find('\n')));
  return number ? std::optional(static_cast<double>(*number)) : std::nullopt;
}

Result<std::map<std::string, Sleeper>> Look(const Root& root) {
  EVERSTEP_ASSIGN(const std::vector<std::string> names, root.List("/proc"));
  std::map<std::string, Sleeper> sleepers;
  for (const std::string& pid : names) {
    if (!IsDigit(pid.front())) continue;
    const auto name = StuckName(root, pid);
    const auto switches = name ? Switches(root, pid) : std::nullopt;
    if (switches) sleepers[pid] = {*name, *switches};
  }
  return sleepers;
}

// Nobody writes into the pipe: its time passes.
void LetTimePass() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return;
  const Fd reader(ends[0]), writer(ends[1]);
  pollfd one{.fd = reader.get(), .events = POLLIN, .revents = 0};
  ::poll(&one, 1, kBetweenLooksMs);
}

}  // namespace

void ProbeProcesses(const Root& root, Sink& sink) {
  const auto first = Look(root);
  if (!first) return sink.Unread("process.stuck", "", first.error().message);
  if (root.live() && !first->empty()) LetTimePass();
  const auto second = Look(root);
  if (!second) return sink.Unread("process.stuck", "", second.error().message);
  std::vector<std::string> stuck;
  for (const auto& [pid, sleeper] : *second)
    if (const auto before = first->find(pid); before != first->end() && before->second == sleeper)
      stuck.push_back(Cat("pid ", pid, ' ', Printable(sleeper.name)));
  sink.Number("process.stuck", "", static_cast<double>(stuck.size()),
              stuck.empty() ? "no process is in state D for long" : Clip(Cat("in state D: ", Join(stuck)), 300));
}

}  // namespace everstep::health
