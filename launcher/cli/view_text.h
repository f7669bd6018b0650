// The launcher's views (launcher/core/api.h) as tables and paragraphs for people. Pure: what time it is, is told.
#pragma once

#include <string>
#include <vector>

#include "base/time.h"
#include "launcher/cli/text_table.h"
#include "launcher/core/api.h"

namespace everstep {

// "12s", "5m", "3h", "2d": the age of things in a table.
std::string ShortAge(Duration age);

// Local time: "14:03:59", with the date in front when it is another day than `now`: "Jul 14 14:03:59".
std::string ClockText(WallTime at, WallTime now);

TextTable JobsTable(const std::vector<JobView>& jobs, WallTime now);
TextTable NodesTable(const std::vector<NodeView>& nodes);
TextTable EventsTable(const std::vector<EventView>& events, WallTime now);
// One line of it, for `events -f`; columns as wide as usual names need.
std::string EventLine(const EventView& event, WallTime now);

// All that is known about a job: what, where, why, how far, and the command to type next.
std::string DescribeJob(const JobView& job, WallTime now);
std::string DescribeNode(const NodeView& node);

// The command that answers the next question about this job: "everstep logs train-1 -f".
std::string NextCommand(const JobView& job);

}  // namespace everstep
