// The launcher's views (launcher/core/api.h) as tables and paragraphs for people. Pure: what time it is, is told.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "launcher/cli/text_table.h"
#include "launcher/core/api.h"

namespace everstep {

// "12s", "5m", "3h", "2d": the age of things in a table.
std::string ShortAge(Duration age);

// Local time: "14:03:59", with the date in front when it is another day than `now`: "Jul 14 14:03:59".
std::string ClockText(WallTime at, WallTime now);

// "52", "52 of 100" where the total is known; empty: no step was heard of.
std::string StepText(const JobView& job, std::string_view of = " of ");

// `wide`: with the columns of -o wide.
TextTable JobsTable(const std::vector<JobView>& jobs, WallTime now, bool wide = false);
TextTable NodesTable(const std::vector<NodeView>& nodes, bool wide = false);
// Of views that were asked for with ListNodes::why_not.
TextTable WhyNotTable(const std::vector<NodeView>& nodes);
TextTable EventsTable(const std::vector<EventView>& events, WallTime now, bool wide = false);
// One line of it, for `events -f`; columns as wide as usual names need. With `columns` the sentence goes on below itself.
std::string EventLine(const EventView& event, WallTime now, std::optional<std::size_t> columns = {});

// The command to type next; never the output of ranks that were never started. Empty: none.
std::string NextOf(const JobView& job);

// All that is known about a job: what, where, why, how far, and the command to type next. Broken between words at `columns`.
std::string DescribeJob(const JobView& job, WallTime now, std::optional<std::size_t> columns = {});
// `checks`: what ChecksText says of it.
std::string DescribeNode(const NodeView& node, std::optional<std::size_t> columns = {}, std::string_view checks = {});

}  // namespace everstep
