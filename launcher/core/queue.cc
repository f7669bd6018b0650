#include "launcher/core/queue.h"

#include <algorithm>

#include "base/text.h"
#include "launcher/core/placement.h"
#include "launcher/core/recovery.h"

namespace everstep {

namespace {

// "queued" jobs that the cluster can never hold do not block the others.
bool TooBig(const World& world, const JobState& job) {
  std::size_t members = 0;
  for (const auto& [id, node] : world.state.nodes) members += node.member ? 1 : 0;
  return members < std::size_t{job.spec.nodes} + job.spec.spares;
}

Facts FillSpares(const World& world) {
  for (const auto& [id, job] : world.state.jobs) {
    const bool lives = job.phase == JobPhase::preparing || job.phase == JobPhase::running;
    if (!lives || job.spares.size() >= job.spec.spares) continue;
    for (const NodeId& node : EligibleHosts(world, job)) {
      const auto has = [&](const std::vector<NodeId>& nodes) {
        return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
      };
      const bool leaving = std::any_of(job.live.begin(), job.live.end(), [&](const LiveGang& g) { return g.node == node; });
      if (!has(job.hosts) && !has(job.spares) && !leaving)
        return {SpareAssigned{id, node, Cat(node, " is a spare of ", id, " now")}};
    }
  }
  return {};
}

}  // namespace

Facts AdvanceQueue(const World& world, Now now) {
  bool head = true;
  for (const JobId& id : QueueOrder(world.state)) {
    const JobState& job = world.state.jobs.at(id);
    if (TooBig(world, job)) continue;
    std::vector<NodeId> fit = EligibleHosts(world, job);
    if (fit.size() >= std::size_t{job.spec.nodes} + job.spec.spares) {
      const auto hosts_end = fit.begin() + job.spec.nodes;
      return {PlanFirst(world, now, job, {fit.begin(), hosts_end}, {hosts_end, hosts_end + job.spec.spares})};
    }
    const std::string why = WhyNotPlaced(world, job);
    if (head && why != job.why) return {JobWaits{id, why}};
    head = false;
    return {};
  }
  return FillSpares(world);
}

}  // namespace everstep
