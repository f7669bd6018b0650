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
// `why_not`: each view also says why that job cannot be given the host now. nullptr: none is asked about.
std::vector<NodeView> ViewNodes(const World& world, Now now, const JobState* why_not = nullptr);

// Why a job in the queue, or one that is about to be, is not placed: "needs 3 hosts, 2 fit: n4 lost 12 s ago", or, when it
// could be but for the queue's order, "waits behind big-2, which needs 4 hosts".
std::string WhyQueued(const World& world, Now now, const JobState& job);

// "done: all 2 ranks ended with code 0", the phase once also where the sentence says it itself.
std::string PhaseAndWhy(const JobView& job);

// Why the job is where it is, which hosts it did not get, which checkpoints are not offered: most important first.
Explanation Explain(const World& world, Now now, const JobState& job);

}  // namespace everstep
