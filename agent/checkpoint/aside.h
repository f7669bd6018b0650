// Moves torn checkpoints out of a script's sight before a generation starts: many scripts resume from the newest file they
// find, whether it is whole or not. Nothing is deleted: DIR/.everstep/aside/<generation>/ has it all.
//
// Moved is only what is certainly torn (a zip without its end, shards without their manifest …), holds checkpoint files, and
// was written by this job: what was there before the job's first generation stays, as does what cannot be verified, and names
// that say themselves that they are unfinished (*.tmp).
//
// REQUIRES: no rank of the job runs, RecordBefore() has been called for an earlier generation or not at all.
// Thread: any. Cost: Depth::structure for each source.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/job_spec.h"
#include "base/messages.h"
#include "base/result.h"

namespace everstep {

// What was moved, as news for the launcher: incomplete, with why and where it is now.
Result<std::vector<CheckpointSeen>> MoveTornAside(const CheckpointSpec& checkpoint, const GangKey& gang, std::stop_token stop);

}  // namespace everstep
