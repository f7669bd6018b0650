// isolate: mount: what the ranks of one generation see in place of the checkpoint directory, and where the watch looks for what
// they save.
//
//   DIR/.everstep/generations/<job>.<generation>/                the ranks see it as DIR; it begins empty
//   DIR/.everstep/generations/<job>.<generation>/.everstep/pins  where they see DIR/.everstep/pins, only for reading: the
//                                                                checkpoint to resume from has the same path for everybody
//
// What a script leaves there is the script's: it stays. Of a directory with files in it nobody knows who still writes there: it
// is renamed (<job>.<generation>.old.1) and a new one made.
//
// Thread: any.
#pragma once

#include <string>

#include "base/ids.h"
#include "base/job_spec.h"
#include "base/result.h"
#include "base/seam/processes.h"

namespace everstep {

// Where the scripts of that generation really save.
std::string SavesDirectory(const CheckpointSpec& checkpoint, const GangKey& gang);

// Makes it, tries on this host what its ranks will do, and says what they have to mount. Every host of a gang does so before
// the start; `first` is the one that watches: it alone renames, and makes sure that files can be linked here (publish.h).
Result<RankMounts> MakeOwnDirectory(const std::string& dir, const GangKey& gang, bool first);

}  // namespace everstep
