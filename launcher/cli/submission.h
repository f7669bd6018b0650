// Submits a job exactly once, as far as the launcher can be heard: a submit whose answer was lost is repeated with the same
// request id, and gives the same job.
#pragma once

#include "base/job_spec.h"
#include "base/result.h"
#include "launcher/core/api.h"
#include "launcher/rpc/client.h"

namespace everstep {

Result<Submitted> Submit(ControlClient& client, const JobSpec& spec);

}  // namespace everstep
