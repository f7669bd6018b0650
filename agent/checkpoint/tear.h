// For drills (FaultKind::checkpoint_torn): half a checkpoint appears, as after a save that was cut off. It is a copy under a
// name of its own; nothing that was there is touched. Before the next start it is moved aside with the other torn ones
// (aside.h).
//
// Thread: any. Cost: reads and writes the bytes of one checkpoint.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/job_spec.h"
#include "base/result.h"

namespace everstep {

// One step on: "step-40.pt" → "step-41.pt", "iter_0000099" → "iter_0000100". nullopt: the name does not have the step.
std::optional<std::string> NameOfNext(std::string_view name, std::uint64_t step);

// Returns its name, the first after the newest that nothing has. kNotFound: no checkpoint of this job with a step in its name
// is pinned yet. kConflict: what it would make could not be told from a whole one.
Result<std::string> TearCheckpoint(const CheckpointSpec& checkpoint, const GangKey& gang);

}  // namespace everstep
