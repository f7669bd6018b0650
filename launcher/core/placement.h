// Which hosts a job gets: whole hosts, all at once or none, in the queue's order. Pure: it reads the world and returns hosts,
// and for each host that was not chosen one reason.
//
// Queue: by priority, then first come, first served, strictly: a job never overtakes an older one of its priority that the
// cluster can hold, nor one that runs, lost a host and waits for another. A job that needs more hosts than there are members
// waits aside and blocks nobody; drained hosts do not count.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "launcher/core/world.h"

namespace everstep {

// "n2" before "n10": digits compare as numbers.
bool NaturalLess(const NodeId& a, const NodeId& b);

// Which job has a host, and how: "works for train-3". Cost: O(jobs + their hosts); made once for many questions.
using Taken = std::map<NodeId, std::pair<JobId, std::string>>;
Taken TakenHosts(const State& state);
bool TakenByAnother(const Taken& taken, const JobState& job, const NodeId& node);

// Hosts that a job could be given now, and for the others one reason each; both in natural order.
struct Fit {
  std::vector<NodeId> hosts{};
  std::vector<std::pair<NodeId, std::string>> reasons{};
};
// `at`: the reasons also tell how long ago. Cost: O(hosts + jobs).
Fit FitFor(const World& world, const JobState& job, const Taken& taken, std::optional<Time> at = {});
std::vector<NodeId> EligibleHosts(const World& world, const JobState& job);

// Why the host cannot be given to `job` now; empty: it can. `at`: for a view, which tells how long ago; nullopt: for a fact,
// whose sentence must not change with every look.
std::string NotEligible(const World& world, const JobState& job, const NodeId& node, const Taken& taken,
                        std::optional<Time> at = {});

// "3 hosts and 1 spare"
std::string Needs(const JobSpec& spec);
// "needs 3 hosts and 1 spare, 2 fit: n4 lost 12 s ago; n2 works for train-3"
std::string WhyNotPlaced(const JobState& job, const Fit& fit);

// Hosts that such a job may be given at all: members that are not drained, of those that it names if it names any.
std::size_t Capacity(const State& state, const JobSpec& spec);

// Jobs in phase queued, next first.
std::vector<const JobState*> InQueueOrder(const State& state);

// Ranks a host: what the job says, else its accelerators, else 1. All hosts of a job get the same number: the smallest.
std::uint32_t ProcessesPerNode(const State& state, const JobSpec& spec, const std::vector<NodeId>& hosts);

// A MASTER_PORT that no job uses and that has rested; round robin, so that it stays unused for long.
// REQUIRES: policy.port_first <= policy.port_last.
std::uint32_t ChoosePort(const World& world, Time now);

}  // namespace everstep
