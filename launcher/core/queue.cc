#include "launcher/core/queue.h"

#include <algorithm>
#include <set>

#include "base/contains.h"
#include "base/text.h"
#include "launcher/core/membership.h"
#include "launcher/core/placement.h"
#include "launcher/core/recovery.h"

namespace everstep {

namespace {

// Once, not whenever a number in it changes: what keeps each host away is shown live (status.h).
void Say(Facts& facts, const JobState& job, std::string why) {
  if (why != job.why) facts.push_back(JobWaits{job.id, std::move(why)});
}

// A spare for the first of those that run without all of theirs.
Facts FillSpares(const World& world) {
  std::vector<const JobState*> lacking;
  for (const auto& [id, job] : world.state.jobs) {
    const bool lives = job.phase == JobPhase::preparing || job.phase == JobPhase::running;
    if (lives && job.spares.size() < job.spec.spares) lacking.push_back(&job);
  }
  std::sort(lacking.begin(), lacking.end(), [](const JobState* a, const JobState* b) { return a->order < b->order; });
  for (const JobState* job : lacking)
    for (const NodeId& node : EligibleHosts(world, *job))
      if (!Contains(job->hosts, node) && !Contains(job->spares, node))
        return {SpareAssigned{job->id, node, Cat(node, " is a spare of ", job->id, " now")}};
  return {};
}

}  // namespace

Facts AdvanceQueue(const World& world, Now now) {
  const std::vector<const JobState*> queued = InQueueOrder(world.state);
  if (queued.empty()) return FillSpares(world);  // most of the time: nobody asks then which hosts are taken
  Facts facts;
  const Taken taken = TakenHosts(world.state);
  std::set<NodeId> kept;  // for jobs before that name their hosts, and wait for some
  for (const JobState* job : queued) {
    const std::size_t needed = std::size_t{job->spec.nodes} + job->spec.spares;
    if (Capacity(world.state, job->spec) < needed) {
      const bool drained = job->spec.hosts.empty() && MemberCount(world.state) >= needed;
      Say(facts, *job,
          Cat("needs ", Needs(job->spec), ", more than ",
              job->spec.hosts.empty() ? "the cluster has" : "there are of its hosts",
              drained ? " while hosts are out of work" : "", ": it waits aside and blocks nobody"));
      continue;
    }
    std::vector<NodeId> fit = FitFor(world, *job, taken).hosts;
    std::erase_if(fit, [&](const NodeId& node) { return kept.contains(node); });
    if (fit.size() < needed) {
      Say(facts, *job, Cat("next in the queue: waits for ", Needs(job->spec)));
      if (job->spec.hosts.empty()) return facts;
      for (const std::string& name : job->spec.hosts) kept.insert(NodeId(name));
      continue;
    }
    const auto hosts_end = fit.begin() + job->spec.nodes;
    facts.push_back(PlanFirst(world, now, *job, {fit.begin(), hosts_end}, {hosts_end, hosts_end + job->spec.spares}));
    return facts;
  }
  return facts.empty() ? FillSpares(world) : facts;
}

}  // namespace everstep
