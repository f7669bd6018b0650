// Incidents as people see them: one for each generation that broke and each job that ended otherwise than well. A view of what
// Apply has kept of the facts; nothing is decided here.
#pragma once

#include "launcher/core/world.h"

namespace everstep {

IncidentView ViewOf(const JobState& job, const Incident& incident);

// The newest rows_max that match, oldest first; of one job where `request.job` is set, which is an id then (requests.h).
// Cost: O(jobs).
std::vector<IncidentView> ViewIncidents(const State& state, const ListIncidents& request);

// What the restart of `job` has cost, at its start: "; 7 steps and 1.2 s lost"; empty: nothing is known, or it is no restart.
std::string LostText(const JobState& job, Time started);

// What shows the culprit's words: "everstep logs train-1 --rank 1 --generation 2 --tail 50".
std::string LogsCommand(const JobId& job, Generation generation, std::optional<std::uint32_t> rank);

}  // namespace everstep
