// Faults that drills bring about in the processes of a gang (FaultKind in base/messages.h), by signals alone: no privilege is
// needed, and nothing but this gang and its agent is touched.
//
// What is stopped for a time is woken by a process of its own, `everstep-keeper --freeze=NS PID:STARTED…`: the agent is one of
// those that are stopped. It ends early when all of them are gone.
//
// Thread: any. Blocks for milliseconds.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"
#include "base/seam/processes.h"

namespace everstep {

// `keeper`: path of everstep-keeper. kConflict: the rank does not run here.
Status BringAbout(const Fault& fault, const KeeperStatus& gang, const std::string& keeper);

// The process that stops and wakes others: `arguments` after the program's name. Returns its exit code.
int FreezeMain(const std::vector<std::string>& arguments);

}  // namespace everstep
