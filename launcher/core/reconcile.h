// From what is decided and what a host reports to the commands that close the gap. Pure and repeatable: asked again after every
// change and every restart, it returns what is still to be done. The loop fills in epoch and command id, waits until the state
// is durable (stops go at once), and does not repeat a command that is on its way.
//
// Cost: O(gangs on the host + jobs that may have one there).
#pragma once

#include <vector>

#include "launcher/core/world.h"

namespace everstep {

// In no particular order across gangs; at most one command for each gang.
std::vector<ToAgent> Reconcile(const World& world, const NodeId& node);

// The gang as this host has to run it. REQUIRES: `node` is in job.hosts.
GangSpec GangFor(const JobState& job, const NodeId& node);

}  // namespace everstep
