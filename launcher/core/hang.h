// Ranks that live and do not get on: a generation that told of steps and tells of no new one for too long.
#pragma once

#include <optional>

#include "launcher/core/world.h"

namespace everstep {

// A host's new report, before it takes the place of the one before: another step than then counts, and so does the first one
// since this launcher started.
void NoteSteps(World& world, Time now, const NodeId& node, const Report& report);

// How long there may be no new step (ProgressSpec::hang_after); nullopt: for ever.
std::optional<Duration> HangAfter(const World& world, const JobState& job);

// When the job counts as hung unless it tells of a step before. What is not heard of may be going on: while a host of it is
// silent, and for as long again once it is heard, it does not hang. nullopt: never, or it has not told of a step yet. REQUIRES:
// job.phase is running.
std::optional<Time> HungAt(const World& world, const JobState& job);

// nullopt: it does not hang. REQUIRES: as HungAt.
std::optional<GenerationBroken> Hung(const World& world, Now now, const JobState& job);

}  // namespace everstep
