// How many checkpoints of a job and how many jobs that have ended the state remembers, and which go first: part of the frozen
// meaning of facts. Pure.
#pragma once

#include "launcher/core/state.h"

namespace everstep {

// What goes first when there are too many: the oldest that cannot be resumed from, but for the newest few (who tells of one
// again must find it known), then the oldest that can, but never the last such one, nor the one in use.
void AddCheckpoint(JobState& job, CheckpointRecord record);

// Once there are too many.
void DropOldestEndedJob(State& state);

}  // namespace everstep
