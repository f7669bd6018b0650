// The views that answer people, made from the world: the same for every table, JSON output and page. Pure.
#pragma once

#include <string>
#include <vector>

#include "launcher/core/world.h"

namespace everstep {

JobView ViewOf(const World& world, Now now, const JobState& job);
NodeView ViewOf(const World& world, Now now, const NodeState& node);

// Newest first for jobs, natural order for hosts. Not ended jobs come before ended ones.
std::vector<JobView> ViewJobs(const World& world, Now now, const ListJobs& request);
std::vector<NodeView> ViewNodes(const World& world, Now now);

// Why the job is where it is, which hosts it did not get, which checkpoints are not offered: most important first.
Explanation Explain(const World& world, Now now, const JobState& job);

}  // namespace everstep
