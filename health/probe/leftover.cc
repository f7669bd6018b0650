// Processes that a job has left behind: their environment still names it (agent/core/environment.cc). Who has cleared its own
// is not seen; nor is another user's, whose environment is nobody's business, and who is none of this agent's ranks.
#include <algorithm>
#include <map>
#include <optional>

#include "base/text.h"
#include "health/probe/probes.h"

namespace everstep::health {

namespace {

constexpr std::size_t kNamed = 5;

struct Origin {
  std::string job{};
  std::string agent{};  // the directory that its agent keeps for gangs: hosts that share a machine are told apart by it
};

// nullopt: of no job, or not to be read.
std::optional<Origin> OriginOf(const Root& root, const std::string& pid) {
  constexpr std::string_view kJob = "EVERSTEP_JOB_ID=", kProgress = "EVERSTEP_PROGRESS=";
  const auto text = root.Read(Cat("/proc/", pid, "/environ"));
  if (!text) return std::nullopt;
  Origin origin;
  for (const std::string& variable : Split(*text, root.live() ? '\0' : '\n')) {
    if (variable.starts_with(kJob)) origin.job = variable.substr(kJob.size());
    if (!variable.starts_with(kProgress)) continue;
    origin.agent = variable.substr(kProgress.size());  // AGENT/gangs/JOB.GENERATION/progress-0.json
    for (int up = 0; up < 2; ++up) origin.agent.resize(std::min(origin.agent.size(), origin.agent.rfind('/')));
  }
  return origin.job.empty() ? std::nullopt : std::optional(origin);
}

}  // namespace

void ProbeLeftovers(const Root& root, Sink& sink) {
  const auto names = root.List("/proc");
  if (!names) return sink.Unread("process.leftover", "", names.error().message);
  const auto own = OriginOf(root, "self");
  std::map<std::string, std::vector<std::string>> left;  // by job
  std::size_t count = 0;
  for (const std::string& pid : *names) {
    if (IsDigit(pid.front())) sink.Waiting(Cat("/proc/", pid, "/environ"));
    const auto origin = IsDigit(pid.front()) ? OriginOf(root, pid) : std::nullopt;
    if (!origin || (own && (origin->job == own->job || origin->agent != own->agent))) continue;
    ++count;
    if (left[origin->job].size() < kNamed) left[origin->job].push_back(pid);
  }
  std::vector<std::string> parts;
  for (const auto& [job, pids] : left) parts.push_back(Cat("of ", Clip(Printable(job), 80), ": pid ", Join(pids)));
  sink.Number("process.leftover", "", static_cast<double>(count),
              parts.empty() ? "no process of this user has EVERSTEP_JOB_ID of another job" : Clip(Join(parts, "; "), 300));
}

}  // namespace everstep::health
