// Incidents (launcher/core/api.h) for people: a line each, or all about each. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "launcher/cli/text_table.h"
#include "launcher/core/api.h"

namespace everstep {

TextTable IncidentsTable(const std::vector<IncidentView>& incidents, WallTime now, bool wide = false);
std::string DescribeIncidents(const std::vector<IncidentView>& incidents, WallTime now,
                              std::optional<std::size_t> columns = {});

// Where of the ranks' output only rank 0's was shown: who else failed first, and its last line; a line each. Empty where that
// says nothing new: rank 0 has spoken itself, and an exit code without a word is told by the job's end.
std::string UnseenCauses(const std::vector<IncidentView>& incidents);

// "exit code 1", "SIGKILL", or empty: not known.
std::string HowItEnded(const IncidentView& incident);

}  // namespace everstep
