// What the gangs of a local cluster leave behind when their keepers are killed: processes with sessions of their own, and
// control groups, which nobody removes but their maker. Found by the keepers' own records in the agents' state directories.
//
// Thread: any; reads files, /proc and the cgroup file system.
#pragma once

#include <string>

namespace everstep {

// Kills and removes what is left below `directory` (local_cluster.h). REQUIRES: no keeper of it lives. Empty: nothing is left;
// else what is, for people: call again after some milliseconds.
std::string BuryGangs(const std::string& directory);

}  // namespace everstep
