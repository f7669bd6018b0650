// Which checkpoints count: only those that the watching host of the job's current generation reports, verified and pinned.
#pragma once

#include "launcher/core/world.h"

namespace everstep {

// Facts for the checkpoints in a report of `node` that are news. What the current generation did not write is not registered.
Facts RegisterCheckpoints(const World& world, const NodeId& node, const Report& report);

// CheckpointSeen::path of those in the report that are offered for resume, to be acknowledged.
std::vector<std::string> RegisteredIn(const State& state, const Report& report);

}  // namespace everstep
