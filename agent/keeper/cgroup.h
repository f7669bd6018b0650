// The control group of one gang: one leaf that holds all its processes, whatever sessions and parents they give themselves.
// What a host offers differs, and is detected, not assumed:
//
//   cgroup v2 (also beside v1, without controllers)   one write kills all (cgroup.kill), one file says when none is left
//   memory controller, v2 or v1                       counts out-of-memory kills
//   neither, or not permitted                         limits() says so; the keeper then walks its tree of children
//
// OOM kills are counted, never guessed: in the gang's own memory cgroup where one can be made, else in the nearest one above,
// which other processes may share. limits() says which.
//
// Thread: its owner's. No call waits for a disk.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/real/fd.h"
#include "base/real/proc.h"

namespace everstep {

// ---- one cgroup directory, v1 or v2, also of another keeper --------------------------------------------------------------

// SIGKILL to every process in it. Once is enough with cgroup.kill; without it (v1, kernels before 5.14) call until empty.
void KillCgroup(const std::string& path);
// False also when the directory is gone.
bool CgroupPopulated(const std::string& path);
std::vector<ProcessStat> CgroupProcesses(const std::string& path);
// Good when it was not there; false while processes are in it.
bool RemoveCgroup(const std::string& path);

// ---- the gang's own ------------------------------------------------------------------------------------------------------

class GangCgroup {
 public:
  // Makes leaves called `name` below the caller's own cgroups and tries to enter them with a child process.
  explicit GangCgroup(const std::string& name);
  ~GangCgroup() = default;  // the leaves stay: Remove()
  GangCgroup(const GangCgroup&) = delete;
  GangCgroup& operator=(const GangCgroup&) = delete;

  // Whether there is a leaf at all.
  bool tracks() const { return !paths_.empty(); }
  const std::vector<std::string>& paths() const { return paths_; }
  // Descriptors of cgroup.procs: a process that writes "0" to each is in.
  std::vector<int> join_fds() const;
  // poll() for POLLPRI: populated may have changed. -1: there is none.
  int events_fd() const { return events_.get(); }
  void AcknowledgeEvents();
  // What this host lacks, for people; empty: nothing.
  const std::string& limits() const { return limits_; }

  void Kill();
  bool Populated() const;
  std::vector<ProcessStat> Processes() const;
  // OOM kills since construction.
  std::uint64_t OomKills() const;
  bool Remove();

 private:
  bool Enter(const std::string& parent, const std::string& name);

  std::vector<std::string> paths_;
  std::vector<Fd> procs_;
  Fd events_;
  std::string oom_file_;
  std::uint64_t oom_before_ = 0;
  std::string limits_;
};

}  // namespace everstep
