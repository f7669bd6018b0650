// Has this host what a gang needs? Everything that could make its start fail later is looked at now, where the answer is still
// "choose another host" (or port, or checkpoint) instead of a crashed rank.
//
// Looked at: workdir, env_from files, argv[0] in the job's PATH, the limit of open files, MASTER_PORT (where node_rank is 0),
// the checkpoint to resume from, and, where this host will watch for checkpoints, that their directory can be created, written
// and renamed in. There, what lies in the directory is recorded (before.h) and torn leftovers are moved aside (aside.h).
//
// Thread: any; blocks as long as the file systems do.
#pragma once

#include <stop_token>
#include <vector>

#include "base/messages.h"
#include "base/seam/slow_files.h"

namespace everstep {

struct ReadyAnswer {
  GangChecked checked{};
  std::vector<CheckpointSeen> moved_aside{};
};

ReadyAnswer CheckReady(const GangSpec& spec, std::stop_token stop);

}  // namespace everstep
