#include "launcher/core/placement.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "launcher/core/sentence.h"

namespace everstep {

namespace {

bool Digit(char c) { return c >= '0' && c <= '9'; }

// "works for train-3" when another job has the host in any way; empty otherwise.
std::string TakenBy(const World& world, const JobState& job, const NodeId& node) {
  for (const auto& [id, other] : world.state.jobs) {
    if (id == job.id) continue;
    const auto has = [&](const std::vector<NodeId>& nodes) {
      return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
    };
    const bool active = !Ended(other.phase) && other.phase != JobPhase::queued;
    if (active && other.phase != JobPhase::stopping && has(other.hosts)) return Cat("works for ", id);
    if (active && has(other.spares)) return Cat("is a spare of ", id);
    for (const LiveGang& gang : other.live)
      if (gang.node == node) return Cat("is still being left by ", id);
  }
  return {};
}

}  // namespace

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

std::string NotEligible(const World& world, const JobState& job, const NodeId& node) {
  const NodeState* known = NodeIn(world.state, node);
  if (!known) return "is not known";
  if (!known->member) return "is lost";
  const HostNow* host = HostIn(world, node);
  if (!host || !host->connected || !host->report) return "has not been heard since the launcher started";
  if (host->pulse != Pulse::trusted) return "is suspect";
  if (std::find(job.avoid.begin(), job.avoid.end(), node) != job.avoid.end()) return "failed this job before";
  return TakenBy(world, job, node);
}

std::vector<NodeId> EligibleHosts(const World& world, const JobState& job) {
  std::vector<NodeId> hosts;
  for (const auto& [id, node] : world.state.nodes)
    if (NotEligible(world, job, id).empty()) hosts.push_back(id);
  std::sort(hosts.begin(), hosts.end(), NaturalLess);
  return hosts;
}

std::string WhyNotPlaced(const World& world, const JobState& job) {
  std::vector<std::string> reasons;
  std::vector<NodeId> ids;
  for (const auto& [id, node] : world.state.nodes) ids.push_back(id);
  std::sort(ids.begin(), ids.end(), NaturalLess);
  std::size_t fit = 0;
  for (const NodeId& id : ids) {
    const std::string reason = NotEligible(world, job, id);
    if (reason.empty())
      ++fit;
    else
      reasons.push_back(Cat(id, ' ', reason));
  }
  std::string needs = Cat("needs ", Count(job.spec.nodes, "host"));
  if (job.spec.spares > 0) needs += Cat(" and ", Count(job.spec.spares, "spare"));
  const std::string there = fit > 0 ? Cat(fit, fit == 1 ? " fits" : " fit") : ids.empty() ? "none has joined" : "none fits";
  return Sentence(needs, ", ", there, reasons.empty() ? "" : ": ", FirstOf(std::move(reasons)));
}

std::vector<JobId> QueueOrder(const State& state) {
  std::vector<const JobState*> queued;
  for (const auto& [id, job] : state.jobs)
    if (job.phase == JobPhase::queued) queued.push_back(&job);
  std::sort(queued.begin(), queued.end(), [](const JobState* a, const JobState* b) {
    return a->spec.priority != b->spec.priority ? a->spec.priority > b->spec.priority : a->order < b->order;
  });
  std::vector<JobId> ids;
  for (const JobState* job : queued) ids.push_back(job->id);
  return ids;
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
