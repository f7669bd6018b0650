// What to do about a generation that broke: judge the failure, then the ladder in place → spare → another host → wait → give
// up, as pure functions. They read the world and return facts; launcher/daemon makes them durable, Apply folds them in,
// Reconcile turns them into commands.
//
// Cost: O(ranks of the job + hosts of the cluster).
#pragma once

#include "launcher/core/world.h"

namespace everstep {

// Who is to blame for the broken generation, what the job would exit with, and whether to give up.
// REQUIRES: job.phase is recovering, no host has processes of it any more (job.live is empty), it is not judged yet.
Facts JudgeFailure(const World& world, Now now, const JobState& job);

// The next generation, or JobWaits (only when its sentence is new), or the end. REQUIRES: as above, and judged.
Facts PlanRecovery(const World& world, Now now, const JobState& job);

// The first generation of a queued job on these hosts. REQUIRES: hosts.size() == job.spec.nodes.
GenerationPlanned PlanFirst(const World& world, Now now, const JobState& job, const std::vector<NodeId>& hosts,
                            const std::vector<NodeId>& spares);

// The checkpoint that a restart resumes from: the highest step among the offered ones, the newest where steps are not known.
const CheckpointRecord* NewestOffered(const JobState& job);

// From when on a host may be given again to a job that it failed, if no other host can be had.
Time ForgivenAt(const AvoidedHost& avoided);
// Not one that has failed a preflight: it would be checked again and again.
bool Forgivable(const AvoidedHost& avoided);

// How long a job that broke so many times in a row right after its start stands still before it is started again: not at all
// twice, then 1 s, doubled each time, at most 60 s.
Duration BackOff(std::uint32_t quick_breaks);
// REQUIRES: job.phase is recovering.
Time RestartNotBefore(const JobState& job);

// Restarts within the budget's window.
std::uint32_t RestartsInWindow(const JobState& job, Time now);

}  // namespace everstep
