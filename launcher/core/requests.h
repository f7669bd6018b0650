// What people ask for, as decisions: submit a job, cancel it, find it.
#pragma once

#include <string>

#include "base/result.h"
#include "launcher/core/world.h"

namespace everstep {

// REQUIRES: ValidateJob(request.spec), and no job was submitted with this request id before. Errors: kExhausted (queue
// full), kConflict (the name is the id of a job: a word must not mean two of them).
Result<JobSubmitted> Submit(const World& world, Now now, const SubmitJob& request);

// The job of a submit that was heard before (same request id).
const JobState* SubmittedBefore(const State& state, const std::string& request_id);

// What is decided about the end of a job stays decided: cancelling one that is stopping already can only make it faster.
// Errors: kConflict (ended already, or stopping as fast as that already).
Result<Facts> Cancel(const JobState& job, const CancelJob& request);

// The job of this id; else the one of this name that has not ended; else the newest of this name.
// Errors: kNotFound; kConflict (two of this name have not ended).
Result<const JobState*> FindJob(const State& state, const JobId& id_or_name);

}  // namespace everstep
