// Processes that a job has left behind: their environment still names it (agent/core/environment.cc), or they are in the cgroup
// that a keeper made for its gang (agent/keeper/keeper_loop.cc), which no process leaves by clearing its environment, changing
// its user or making a session of its own. Where no cgroup could be made, who has done so is not seen.
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

// nullopt: it names no job, or is not to be read.
std::optional<Origin> ByEnvironment(const Root& root, const std::string& pid) {
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

// A gang's cgroup: "everstep-JOB.GENERATION-KEEPER", and where it is.
struct Leaf {
  std::string job{};
  std::string gang{};    // "train-1.3"
  std::string keeper{};  // its process id
  std::string parent{};  // "/system.slice/everstep-agent.service"
};

std::optional<Leaf> LeafIn(std::string_view path) {
  constexpr std::string_view kLeaf = "/everstep-";
  const auto is_number = [](std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), IsDigit); };
  for (std::size_t at = path.find(kLeaf); at != std::string_view::npos; at = path.find(kLeaf, at + 1)) {
    const std::string_view name = path.substr(at + kLeaf.size(), path.find('/', at + 1) - at - kLeaf.size());
    const std::size_t dash = name.rfind('-'), dot = name.substr(0, dash).rfind('.');
    if (dash == std::string_view::npos || dot == std::string_view::npos || dot == 0) continue;
    if (!is_number(name.substr(dash + 1)) || !is_number(name.substr(dot + 1, dash - dot - 1))) continue;
    return Leaf{.job = std::string(name.substr(0, dot)),
                .gang = std::string(name.substr(0, dash)),
                .keeper = std::string(name.substr(dash + 1)),
                .parent = std::string(path.substr(0, at))};
  }
  return std::nullopt;
}

std::optional<Leaf> ByCgroup(const Root& root, const std::string& pid) {
  const auto text = root.Read(Cat("/proc/", pid, "/cgroup"));
  if (!text) return std::nullopt;
  for (const std::string& line : Split(*text, '\n'))
    if (auto leaf = LeafIn(line.substr(std::min(line.size(), line.rfind(':') + 1)))) return leaf;
  return std::nullopt;
}

// Which processes are of another job than the one that looks, on this host.
class Others {
 public:
  Others(const Root& root, bool cgroups)
      : root_(root), cgroups_(cgroups), own_(ByEnvironment(root, "self")), own_leaf_(ByCgroup(root, "self")) {}

  // Of which job, and how that is known; nullopt: it is none of them.
  std::optional<std::pair<std::string, std::string>> Of(const std::string& pid) const {
    if (const auto origin = ByEnvironment(root_, pid))
      return IsOther(*origin) ? std::optional(std::pair(origin->job, std::string())) : std::nullopt;
    const auto leaf = cgroups_ ? ByCgroup(root_, pid) : std::nullopt;
    if (!leaf || !IsOther(*leaf) || IsDead(pid)) return std::nullopt;
    return std::pair(leaf->job, std::string(" (by its cgroup)"));
  }

 private:
  bool IsOther(const Origin& origin) const { return !own_ || (origin.job != own_->job && origin.agent == own_->agent); }

  // Hosts that share a machine may share the cgroup above: then the gang is this host's where this host's agent keeps its
  // directory, or nobody's where its keeper is gone.
  bool IsOther(const Leaf& leaf) const {
    if (own_leaf_ && leaf.gang == own_leaf_->gang) return false;
    if (!own_) return true;
    if (leaf.job == own_->job || (own_leaf_ && leaf.parent != own_leaf_->parent)) return false;
    if (root_.Exists(Cat(own_->agent, '/', leaf.gang))) return true;
    return root_.Read(Cat("/proc/", leaf.keeper, "/comm")).value_or(std::string()) != "everstep-keeper";
  }

  // Who has not been waited for holds nothing.
  bool IsDead(const std::string& pid) const {
    const auto stat = root_.Read(Cat("/proc/", pid, "/stat"));
    const std::size_t close = stat ? stat->rfind(')') : std::string::npos;
    return close == std::string::npos || stat->substr(close + 1, 2) == " Z";
  }

  const Root& root_;
  bool cgroups_;
  std::optional<Origin> own_;
  std::optional<Leaf> own_leaf_;
};

}  // namespace

void ProbeLeftovers(const Root& root, bool cgroups, Sink& sink) {
  const auto names = root.List("/proc");
  if (!names) return sink.Unread("process.leftover", "", names.error().message);
  const Others others(root, cgroups);
  std::map<std::string, std::vector<std::string>> left;  // by job
  std::size_t count = 0;
  for (const std::string& pid : *names) {
    if (!IsDigit(pid.front())) continue;
    sink.Waiting(Cat("/proc/", pid, "/environ"));
    const auto of = others.Of(pid);
    if (!of) continue;
    ++count;
    if (left[of->first].size() < kNamed) left[of->first].push_back(pid + of->second);
  }
  std::vector<std::string> parts;
  for (const auto& [job, pids] : left) parts.push_back(Cat("of ", Clip(Printable(job), 80), ": pid ", Join(pids)));
  sink.Number("process.leftover", "", static_cast<double>(count),
              !parts.empty() ? Clip(Join(parts, "; "), 300)
              : cgroups      ? "no process has EVERSTEP_JOB_ID of another job, or is in such a job's cgroup"
                             : "no process of this user has EVERSTEP_JOB_ID of another job");
}

}  // namespace everstep::health
