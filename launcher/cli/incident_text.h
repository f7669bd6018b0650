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

// "exit code 1", "SIGKILL", or empty: not known.
std::string HowItEnded(const IncidentView& incident);

}  // namespace everstep
