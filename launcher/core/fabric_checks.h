// What the last check of a host's network said, as readings of the catalogue's rows that are read between hosts (`by: fabric`):
// beside what the host says of itself, with value, limit and age. What that check did not show is UNKNOWN with the reason.
// Pure.
#pragma once

#include <vector>

#include "base/host_checks.h"
#include "health/core/check.h"
#include "launcher/core/state.h"

namespace everstep {

// fabric.connect, fabric.data, fabric.bandwidth, fabric.provider: one reading each.
std::vector<health::Reading> FabricReadings(const State& state, const NodeState& node);

// Those rows of `catalogue`, judged, in its order. `now`: log time.
std::vector<HostCheck> FabricChecks(const std::vector<health::Check>& catalogue, const State& state, const NodeState& node,
                                    Time now);

}  // namespace everstep
