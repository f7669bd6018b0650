// Ends the cluster of `everstep up`: its jobs with their grace, then exactly the processes on its record and what they started.
#pragma once

#include <string>

#include "base/result.h"
#include "launcher/cli/cli.h"
#include "launcher/cli/interrupts.h"

namespace everstep {

struct EndOptions {
  std::string directory{};
  bool now = false;      // jobs are killed, without grace
  bool dry_run = false;  // only says what would be ended
  Duration grace = 30s;  // for all jobs together; then they are killed
};

// Kills what agents with their state below `directory` have left behind: keepers and all that descends from them, and their
// gangs' control groups. Good once nothing of it is left.
Status EndLeftovers(const std::string& directory);

// Good when nothing of the cluster is left, also when there was none. Says on stderr what it waits for; an interrupt turns the
// grace off.
Status EndLocalCluster(const EndOptions& options, Interrupts& interrupts);

}  // namespace everstep
