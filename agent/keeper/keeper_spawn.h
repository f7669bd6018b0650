// Starts an everstep-keeper that does not depend on the process that starts it.
//
// Thread: any; also in a process that runs gRPC (posix_spawn, no code runs in a forked copy). Blocks for as long as the disk
// does.
#pragma once

#include <sys/types.h>

#include <string>

#include "agent/keeper/keeper_loop.h"
#include "base/real/fd.h"
#include "base/result.h"

namespace everstep {

struct SpawnedKeeper {
  pid_t pid = 0;
  Fd pidfd{};
};

// `listening`: the spool's socket. The keeper gets it, an empty environment, /dev/null, and keeper.log as stderr.
Result<SpawnedKeeper> SpawnKeeper(const std::string& program, const KeeperOptions& options, const Fd& listening);

}  // namespace everstep
