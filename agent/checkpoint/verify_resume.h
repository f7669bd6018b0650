// Is the checkpoint to resume from here, exactly as it was registered? Asked on every host of a generation before it starts:
// whatever happened to the files since (overwritten in place, deleted, another file system mounted), a difference is seen here
// and not by the ranks.
//
// Every registered file must have its size, inode, modification time and digest. Files that were added since are no difference.
// Cost: reads at most 128 KiB a file.
#pragma once

#include <optional>

#include "base/job_spec.h"
#include "base/messages.h"
#include "base/seam/slow_files.h"

namespace everstep {

// nullopt: it is. Else Refusal::checkpoint and the first difference: "step-40.pt: size 1000 bytes, registered 1200".
std::optional<NotReadied> VerifyResume(const CheckpointSeen& resume, const CheckpointSpec& checkpoint);

}  // namespace everstep
