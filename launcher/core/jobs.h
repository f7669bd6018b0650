// The life of a job as decisions: submit, place, start, notice that it broke, wind it down. Level-triggered: AdvanceJob looks
// at what is decided and what is reported, and returns the next facts; the caller applies them and asks again until nothing is
// left to do.
//
//   queued → preparing → running → done
//                 ↑          ↓ broken
//                 └── recovering → failed            any → stopping → cancelled
#pragma once

#include "launcher/core/world.h"

namespace everstep {

// The next facts for this job; empty: nothing to do until something changes. REQUIRES: not queued, not ended.
Facts AdvanceJob(const World& world, Now now, const JobState& job);

// When AdvanceJob may have something to say by time alone.
std::optional<Time> JobDeadline(const World& world, const JobState& job);

// Places the next queued job that can be placed, or says why the next one waits. Spares that a job lacks are filled when nobody
// queues.
Facts AdvanceQueue(const World& world, Now now);

// REQUIRES: ValidateJob(request.spec). Errors: kExhausted (queue full), kConflict (same request id, different job).
Result<JobSubmitted> Submit(const World& world, const SubmitJob& request);

// The job of a submit that was heard before (same request id).
const JobState* SubmittedBefore(const State& state, const std::string& request_id);

// Errors: kConflict (ended already, or stopping as fast as that already).
Result<Facts> Cancel(const JobState& job, const CancelJob& request);

// The job of this id, or the newest of this name.
const JobState* FindJob(const State& state, const JobId& id_or_name);

}  // namespace everstep
