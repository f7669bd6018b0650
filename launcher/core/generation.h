// The current generation of a job: may it start, did it break, is it done? Reads what hosts report, returns the fact that
// follows. Each failure is told as it is first seen; who is to blame is judged once all is known (recovery.h).
#pragma once

#include <optional>
#include <string>

#include "launcher/core/world.h"

namespace everstep {

// REQUIRES: job.phase is preparing.
Facts AdvancePreparing(const World& world, Now now, const JobState& job);

// REQUIRES: job.phase is running.
Facts AdvanceRunning(const World& world, Now now, const JobState& job);

// When AdvanceRunning has something to say by time alone: victims were heard of, and their cause is still awaited.
std::optional<Time> CauseAwaitedUntil(const World& world, const JobState& job);

// Ranks fail because a host goes away, and are often heard of first. While a broken generation winds down, a host that turns
// out to be gone is the better explanation: the generation is said to be broken by it. REQUIRES: job.phase is recovering.
Facts CorrectCause(const World& world, const JobState& job);

// How the ranks of a gang ended, earliest first.
std::vector<RankEnd> EndsOn(const NodeId& node, const GangStatus& gang);

}  // namespace everstep
