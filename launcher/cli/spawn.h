// Starts a daemon: a session of its own, nothing on stdin, stdout and stderr at the end of a log file, signals as they were
// made, and no descriptor but those that are named.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace everstep {

struct DaemonCommand {
  std::vector<std::string> argv{};  // argv[0]: an absolute path
  std::map<std::string, std::string> environment{};
  std::string log{};
  std::vector<int> keep{};  // become descriptors 3, 4, … of the daemon
};

// The child is the caller's to reap. posix_spawn: safe also once gRPC runs.
Result<pid_t> SpawnDaemon(const DaemonCommand& command);

}  // namespace everstep
