// What people ask for, as decisions: submit a job, cancel it, find it.
#pragma once

#include <string>

#include "base/result.h"
#include "launcher/core/world.h"

namespace everstep {

// REQUIRES: ValidateJob(request.spec), and no job was submitted with this request id before. Errors: kExhausted (queue full).
Result<JobSubmitted> Submit(const World& world, const SubmitJob& request);

// The job of a submit that was heard before (same request id).
const JobState* SubmittedBefore(const State& state, const std::string& request_id);

// What is decided about the end of a job stays decided: cancelling one that is stopping already can only make it faster.
// Errors: kConflict (ended already, or stopping as fast as that already).
Result<Facts> Cancel(const JobState& job, const CancelJob& request);

// The job of this id, or the newest of this name.
const JobState* FindJob(const State& state, const JobId& id_or_name);

}  // namespace everstep
