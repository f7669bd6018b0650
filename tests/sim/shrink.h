// Fewer faults that still lead to a violation: what is left is what a person has to understand.
#pragma once

#include "tests/sim/cluster.h"

namespace everstep::sim {

// REQUIRES: a run with `options` violates something. Returns options.faults with all removed that are not needed, one after the
// other (not the smallest list there is). Cost: at most `runs_max` runs.
std::vector<Fault> Shrink(RunOptions options, int runs_max = 500);

}  // namespace everstep::sim
