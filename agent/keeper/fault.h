// Faults that drills bring about in the processes of a gang (FaultKind in base/messages.h), by signals alone: no privilege is
// needed, and nothing but this gang and its agent is touched.
//
// What is stopped for a time is stopped and woken by a process of its own, `everstep-keeper --freeze=NS WORD…`: the agent is
// one of those that are stopped. It ends early when all of them are gone. A word is [tree:|kill:]PID:STARTED, a process that
// has this start time: alone; with all that descends from it, looked for until nothing new is found (who forks as fast as it
// can is caught in the end); or the same, and then killed. A tree that cannot be stopped whole is woken, and nothing more is
// done.
//
// Thread: any. Blocks for milliseconds.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"
#include "base/seam/processes.h"

namespace everstep {

// `keeper`: path of everstep-keeper. Errors: kConflict (the rank is no child of this gang's keeper), or it could not be done.
Status BringAbout(const GangKey& gang, const Fault& fault, const KeeperStatus& status, const std::string& keeper);

// The process that stops and wakes others: `arguments` after the program's name. Returns its exit code.
int FreezeMain(const std::vector<std::string>& arguments);

}  // namespace everstep
