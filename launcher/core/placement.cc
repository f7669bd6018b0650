#include "launcher/core/placement.h"

#include <algorithm>
#include <set>

#include "base/contains.h"
#include "base/text.h"
#include "launcher/core/drain.h"
#include "launcher/core/host_health.h"
#include "launcher/core/preflight.h"
#include "launcher/core/sentence.h"

namespace everstep {

namespace {

// Of a job that names its hosts: nothing that anybody would want to know of the others.
constexpr const char* kNotNamed = "is not among its hosts";

bool MayHave(const JobSpec& spec, const NodeId& node) { return spec.hosts.empty() || Contains(spec.hosts, node.value); }

bool Digit(char c) { return c >= '0' && c <= '9'; }

// Processes of a gang that nobody counts any more: they are being stopped. "still runs generation 2 of train-1"; else empty.
std::string Leftover(const World& world, const NodeId& node, const Report& report) {
  for (const GangStatus& gang : report.gangs) {
    if (gang.phase == GangPhase::empty || gang.phase == GangPhase::refused) continue;
    const JobState* job = JobIn(world.state, gang.job);
    const auto counted = [&](const LiveGang& live) { return live.node == node && live.generation == gang.generation; };
    if (!job || std::none_of(job->live.begin(), job->live.end(), counted))
      return Cat("still runs generation ", gang.generation, " of ", gang.job);
  }
  return {};
}

bool GaveUp(const JobState& job, const NodeId& node) {
  return job.phase == JobPhase::stopping || (job.phase == JobPhase::recovering && Avoids(job, node));
}

bool Before(const JobState& a, const JobState& b) {
  return a.spec.priority != b.spec.priority ? a.spec.priority > b.spec.priority : a.order < b.order;
}

// How many hosts a job that lost some cannot replace by its own spares.
std::size_t Owed(const World& world, const JobState& job, const Taken& taken) {
  if (job.phase != JobPhase::recovering || !job.give_up.empty()) return 0;
  std::size_t owed = 0, spares = 0;
  for (const NodeId& node : job.hosts) {
    const NodeState* known = NodeIn(world.state, node);
    owed += !known || !known->member || OutOfWork(world.state, *known) || Avoids(job, node) ? 1 : 0;
  }
  for (const NodeId& node : job.spares) spares += NotEligible(world, job, node, taken).empty() ? 1 : 0;
  return owed - std::min(owed, spares);
}

}  // namespace

Taken TakenHosts(const State& state) {
  Taken taken;
  for (const auto& [id, job] : state.jobs) {
    if (Ended(job.phase) || job.phase == JobPhase::queued) continue;
    std::set<NodeId> left;  // old hosts of a job that recovers, without processes of its own
    if (job.phase == JobPhase::recovering) {
      left.insert(job.hosts.begin(), job.hosts.end());
      for (const LiveGang& gang : job.live) left.erase(gang.node);
    }
    for (const NodeId& node : job.hosts)
      if (!left.contains(node) && !GaveUp(job, node)) taken.try_emplace(node, id, Cat("works for ", id));
    for (const NodeId& node : job.spares) taken.try_emplace(node, id, Cat("is a spare of ", id));
    for (const LiveGang& gang : job.live) taken.try_emplace(gang.node, id, Cat("is still being left by ", id));
  }
  // A job that recovers would like to have its old hosts again, also one that it had given up and forgiven since; by now
  // another may have it.
  for (const auto& [id, job] : state.jobs)
    if (job.phase == JobPhase::recovering)
      for (const NodeId& node : job.hosts)
        if (!GaveUp(job, node)) taken.try_emplace(node, id, Cat("works for ", id));
  return taken;
}

bool TakenByAnother(const Taken& taken, const JobState& job, const NodeId& node) {
  const auto it = taken.find(node);
  return it != taken.end() && it->second.first != job.id;
}

bool NaturalLess(const NodeId& a, const NodeId& b) {
  const std::string &x = a.value, &y = b.value;
  std::size_t i = 0, j = 0;
  while (i < x.size() && j < y.size()) {
    if (!Digit(x[i]) || !Digit(y[j])) {
      if (x[i] != y[j]) return x[i] < y[j];
      ++i, ++j;
      continue;
    }
    std::size_t ie = i, je = j;
    while (ie < x.size() && Digit(x[ie])) ++ie;
    while (je < y.size() && Digit(y[je])) ++je;
    const std::string_view p = Trim(std::string_view(x).substr(i, ie - i)), q = std::string_view(y).substr(j, je - j);
    const auto strip = [](std::string_view s) { return s.substr(std::min(s.find_first_not_of('0'), s.size() - 1)); };
    const std::string_view ps = strip(p), qs = strip(q);
    if (ps.size() != qs.size()) return ps.size() < qs.size();
    if (ps != qs) return ps < qs;
    i = ie, j = je;
  }
  if ((x.size() - i) != (y.size() - j)) return x.size() - i < y.size() - j;
  return x < y;
}

// A host that a check has found bad, of a job that would not look at it again. Those that do look, and give it the pass with
// which it returns: preflights, `everstep check`, `everstep bench`.
bool WaitsForPass(const NodeState& node, const JobSpec& spec) {
  if (!FailedCheck(node)) return false;  // as nearly all of ten thousand
  if (IsHostCheck(spec) || (!spec.command.empty() && spec.command.front() == kProbeProgram)) return false;
  // Of fewer hosts than that a preflight would prove nothing, and be made again and again.
  return spec.preflight.Level() == PreflightLevel::off ? HeldBack(node) : spec.nodes < node.fabric->takes;
}

std::string WayBack(const NodeState& node) {
  const std::uint32_t hosts = node.fabric->takes;
  return Cat("everstep check ", node.node, hosts > 1 ? Cat(" and ", Count(hosts - 1, "other")) : std::string(),
             " can give it back");
}

std::string NotEligible(const World& world, const JobState& job, const NodeId& node, const Taken& taken,
                        std::optional<Time> at) {
  const NodeState* known = NodeIn(world.state, node);
  if (!known) return "is not known";
  if (!MayHave(job.spec, node)) return kNotNamed;
  if (!known->member) return at ? Cat("lost ", Show(std::max(Duration(0), *at - known->lost_at)), " ago") : "is lost";
  const HostNow* host = HostIn(world, node);
  if (!host || !host->report) return "has not been heard since the launcher started";
  if (host->pulse != Pulse::trusted) return "is suspect";
  if (!host->connected) return "is not connected";
  if (known->drain) return Cat(at ? "" : "is ", DrainText(*known, at));
  if (known->quarantine) return Cat(at ? "" : "is ", QuarantineText(*known, at));
  if (KeptAway(world.state, *known))
    return at ? Cat("kept away: ", OffencesOf(world.state, *known, world.state.now).why)
              : std::string("is kept away: it has broken jobs too often");
  if (WaitsForPass(*known, job.spec))
    return Cat("failed its check", at ? Cat(" ", Show(std::max(Duration(0), *at - known->fabric->at)), " ago") : "", ": ",
               OneLine(known->fabric->why, 200), "; ", WayBack(*known));
  for (const AvoidedHost& avoided : job.avoid)
    if (avoided.node == node)
      return avoided.why.empty() ? "failed this job before" : Cat("failed its preflight: ", OneLine(avoided.why, 200));
  if (TakenByAnother(taken, job, node)) return taken.at(node).second;
  return Leftover(world, node, *host->report);
}

Fit FitFor(const World& world, const JobState& job, const Taken& taken, std::optional<Time> at) {
  Fit fit;
  std::map<NodeId, std::string> reasons;
  for (const auto& [id, node] : world.state.nodes) {
    std::string reason = NotEligible(world, job, id, taken, at);
    if (reason.empty())
      fit.hosts.push_back(id);
    else
      reasons.emplace(id, std::move(reason));
  }
  std::sort(fit.hosts.begin(), fit.hosts.end(), NaturalLess);
  // Who failed its last check, or whose alarm asks for more than may be done now, only where nobody else is left.
  std::stable_partition(fit.hosts.begin(), fit.hosts.end(),
                        [&](const NodeId& id) { return !ShouldBeOut(*NodeIn(world.state, id)); });
  for (const auto& [id, other] : world.state.jobs) {
    if (id == job.id || !Before(other, job)) continue;
    std::size_t owed = Owed(world, other, taken);
    for (std::size_t i = fit.hosts.size(); i-- > 0 && owed > 0;) {
      if (Avoids(other, fit.hosts[i]) || !MayHave(other.spec, fit.hosts[i])) continue;
      if (WaitsForPass(*NodeIn(world.state, fit.hosts[i]), other.spec)) continue;
      reasons.emplace(fit.hosts[i], Cat("is kept for ", id));
      fit.hosts.erase(fit.hosts.begin() + static_cast<std::ptrdiff_t>(i));
      --owed;
    }
  }
  for (auto& [id, reason] : reasons) fit.reasons.emplace_back(id, std::move(reason));
  std::sort(fit.reasons.begin(), fit.reasons.end(), [](const auto& a, const auto& b) { return NaturalLess(a.first, b.first); });
  return fit;
}

std::vector<NodeId> EligibleHosts(const World& world, const JobState& job) {
  return FitFor(world, job, TakenHosts(world.state)).hosts;
}

std::string Needs(const JobSpec& spec) {
  const std::string hosts = Count(spec.nodes, "host");
  return spec.spares == 0 ? hosts : Cat(hosts, " and ", Count(spec.spares, "spare"));
}

std::string WhyNotPlaced(const JobState& job, const Fit& fit) {
  std::vector<std::string> reasons;
  for (const auto& [id, reason] : fit.reasons)
    if (reason != kNotNamed) reasons.push_back(Cat(id, ' ', reason));
  const std::size_t n = fit.hosts.size(), known = n + fit.reasons.size();
  const std::size_t needed = std::size_t{job.spec.nodes} + job.spec.spares;
  const std::string fits = n > 0 ? Cat(n, n == 1 ? " fits" : " fit") : known == 0 ? "none has joined" : "none fits";
  const std::string there = known == 0 || known >= needed ? std::string() : Cat(", the cluster has ", known);
  if (!there.empty() && reasons.empty()) return Sentence("needs ", Needs(job.spec), there);
  // Where enough fit, what keeps the others away is of no use to anybody.
  const std::string because = reasons.empty() || n >= needed ? std::string() : Cat(": ", FirstOf(std::move(reasons)));
  return Sentence("needs ", Needs(job.spec), there, ", ", fits, because);
}

std::size_t Capacity(const State& state, const JobSpec& spec) {
  return static_cast<std::size_t>(std::count_if(state.nodes.begin(), state.nodes.end(), [&](const auto& entry) {
    return MayHave(spec, entry.first) && entry.second.member && !OutOfWork(state, entry.second) &&
           !WaitsForPass(entry.second, spec);
  }));
}

std::vector<const JobState*> InQueueOrder(const State& state) {
  std::vector<const JobState*> queued;
  for (const auto& [id, job] : state.jobs)
    if (job.phase == JobPhase::queued) queued.push_back(&job);
  std::sort(queued.begin(), queued.end(), [](const JobState* a, const JobState* b) { return Before(*a, *b); });
  return queued;
}

std::uint32_t ProcessesPerNode(const State& state, const JobSpec& spec, const std::vector<NodeId>& hosts) {
  if (spec.processes_per_node) return *spec.processes_per_node;
  std::uint32_t smallest = 0;
  for (const NodeId& id : hosts) {
    const NodeState* node = NodeIn(state, id);
    const std::uint32_t here = node && node->accelerators > 0 ? node->accelerators : 1;
    smallest = smallest == 0 ? here : std::min(smallest, here);
  }
  return std::max(smallest, 1u);
}

std::uint32_t ChoosePort(const World& world, Time now) {
  const Policy& policy = world.policy;
  std::set<std::uint32_t> resting;
  for (const PortUse& use : world.state.ports)
    if (now - use.at < policy.port_rest) resting.insert(use.port);
  for (const auto& [id, job] : world.state.jobs)
    if (!job.live.empty()) resting.insert(job.master_port);
  const std::uint32_t last = world.state.ports.empty() ? policy.port_last : world.state.ports.back().port;
  const std::uint32_t range = policy.port_last - policy.port_first + 1;
  const std::uint32_t from = last < policy.port_first || last >= policy.port_last ? 0 : last - policy.port_first + 1;
  for (std::uint32_t i = 0; i < range; ++i) {
    const std::uint32_t port = policy.port_first + (from + i) % range;
    if (!resting.contains(port)) return port;
  }
  return policy.port_first + from % range;  // all rest: the one that has rested longest
}

}  // namespace everstep
