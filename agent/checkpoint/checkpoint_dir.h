// Can checkpoints be written and kept in this directory? Tried rather than guessed: it is created if missing, and a file is
// written, synced, renamed and deleted under DIR/.everstep. That finds what permissions do not say: full, over quota, mounted
// read-only, an object store that cannot rename.
#pragma once

#include <string>

#include "base/ids.h"
#include "base/result.h"

namespace everstep {

// The error is a sentence for the operator: "checkpoint dir /mnt/x cannot be written by uid 1000: cannot create directory
// /mnt/x/.everstep: Read-only file system".
Status CheckpointDirUsable(const std::string& dir, const GangKey& gang);

}  // namespace everstep
