#include "agent/keeper/burial.h"

#include <utility>

#include "agent/keeper/cgroup.h"
#include "base/text.h"

namespace everstep {

Burial::Burial(KeeperRecord record, bool started)
    : record_(std::move(record)), started_(started), other_boot_(record_.boot != BootIdText()) {}

bool Burial::Look() {
  left_.clear();
  if (other_boot_) return true;
  left_ = record_.cgroups.empty() ? OfSessions() : Ranks();
  for (const ProcessStat& process : left_) KillExactly(process);
  bool populated = false;
  for (const std::string& cgroup : record_.cgroups) {
    if (!CgroupPopulated(cgroup)) continue;
    populated = true;
    for (ProcessStat& process : CgroupProcesses(cgroup)) left_.push_back(std::move(process));
    KillCgroup(cgroup);
  }
  if (populated || !left_.empty()) return false;
  for (const std::string& cgroup : record_.cgroups) RemoveCgroup(cgroup);
  return true;
}

std::string Burial::Remark() const {
  if (other_boot_) return "the host was started anew since";
  if (!left_.empty()) return DescribeStuck(left_);
  if (record_.cgroups.empty() && started_ && record_.status.phase != KeeperPhase::empty)
    return "there was no cgroup: children of ranks with a session of their own were not looked for";
  return {};
}

// Those recorded that still run: the number alone may be a stranger's.
std::vector<ProcessStat> Burial::Ranks() const {
  std::vector<ProcessStat> found;
  for (const RankProcess& rank : record_.started) {
    const auto stat = StatOf(static_cast<pid_t>(rank.pid));
    if (stat && stat->started == rank.at && stat->state != 'Z') found.push_back(*stat);
  }
  return found;
}

std::vector<ProcessStat> Burial::OfSessions() const {
  const std::vector<ProcessStat> all = AllProcesses();
  std::vector<ProcessStat> found;
  std::vector<pid_t> roots;
  for (const ProcessStat& process : all) {
    if (process.state == 'Z') continue;
    for (const RankProcess& rank : record_.started) {
      // A session's number stays taken while it has members; an older process cannot be a member of ours.
      if (process.session != rank.pid || process.session == 0) continue;
      if (process.started < rank.at) continue;
      if (process.pid == process.session && process.started != rank.at) continue;
      found.push_back(process);
      roots.push_back(process.pid);
    }
  }
  for (ProcessStat& process : DescendantsOf(roots, all))
    if (process.state != 'Z') found.push_back(std::move(process));
  return found;
}

}  // namespace everstep
