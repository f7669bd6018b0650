// fork and exec of one rank: own session, own environment and nothing else of the keeper's.
//
// What a rank gets: its own session and process group (kill(-pid) reaches it and its children), SIGKILL when the keeper dies,
// the gang's cgroups, stdin from /dev/null, stdout and stderr into pipes, default signals, the limits and the OOM score the
// keeper itself was started with, the working directory, exactly the environment it was given.
//
// Thread: the keeper's main thread, and only that one: the kernel ties "SIGKILL when the parent dies" to the forking thread.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/real/fd.h"
#include "base/real/mounts.h"
#include "base/result.h"
#include "base/seam/processes.h"

namespace everstep {

// What all ranks of a gang share.
struct SpawnPlace {
  std::string workdir{};
  std::vector<int> join_fds{};           // GangCgroup::join_fds
  rlimit open_files{};                   // as the keeper found it
  std::optional<std::string> oom_score;  // to write to oom_score_adj; nullopt: leave it
  std::optional<MountPlan> mounts{};     // what it sees in place of what is there
};

struct SpawnedRank {
  pid_t pid = 0;
  Fd out{};     // read ends, non-blocking
  Fd err{};     //
  Fd report{};  // for ReadExecReport; readable once exec has happened or failed
};

// The rank was forked, with /dev/null as its standard input, or a pipe whose writing end goes into `told`; whether exec worked
// comes through `report`. kExhausted or kIo: no process was made.
Result<SpawnedRank> SpawnRank(const RankCommand& command, const SpawnPlace& place, Fd* told = nullptr);

// Call when `report` is readable. Good: the rank runs its program. The error is a sentence for the user: "cannot exec
// /usr/bin/trian: No such file or directory".
Status ReadExecReport(int report_fd, const RankCommand& command, const SpawnPlace& place);

}  // namespace everstep
