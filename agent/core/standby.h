// Ranks that wait for the next generation with their imports done: a restart then costs no start of Python and no `import
// torch`.
//
// While a generation runs, each of its hosts may hold a keeper for the next one with such ranks in it (restart.warm in a job
// file). They are no ranks yet: they have run nothing of the script's, hold no GPU, write nothing, and belong to no generation
// until their keeper is started for one. Where the next generation differs (another interpreter, workdir, number of ranks, or a
// variable that generations do not change by themselves), they are killed and it starts cold.
//
// Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/seam/processes.h"

namespace everstep {

// What the keeper of the next generation is told, after `now_running`, the start of this one. nullopt: its command is no Python
// that is given a script or a module.
std::optional<KeeperStandby> StandbyFor(const KeeperStart& now_running, const std::vector<std::string>& modules);

// The program that such a rank runs at first (agent/core/standby.py).
std::string_view StandbyProgram();

}  // namespace everstep
