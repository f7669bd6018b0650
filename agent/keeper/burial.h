// What a dead keeper left behind: its ranks die with it (PR_SET_PDEATHSIG), their children need not. Kills by cgroup where the
// keeper had one, else by the sessions of its ranks and all that descends from them.
//
// Thread: its owner's. Look() reads /proc and the cgroup file system only: no disk.
#pragma once

#include <string>
#include <vector>

#include "agent/keeper/spool.h"
#include "base/real/proc.h"

namespace everstep {

class Burial {
 public:
  // `started`: ranks may have run.
  Burial(KeeperRecord record, bool started);

  // Kills what is there; true when nothing is left. Call again after some milliseconds.
  bool Look();
  // What was there at the last Look, for people: "2 processes cannot be killed (D state): …"; or what could not be looked for.
  std::string Remark() const;

 private:
  std::vector<ProcessStat> Ranks() const;
  std::vector<ProcessStat> OfSessions() const;

  KeeperRecord record_;
  bool started_ = false;
  bool other_boot_ = false;
  std::vector<ProcessStat> left_;
};

}  // namespace everstep
