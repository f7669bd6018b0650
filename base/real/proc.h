// What /proc says about processes, and killing without hitting a stranger: a pid is only a name until its start time agrees.
//
// Any thread. /proc may be mounted with hidepid: own processes are always seen.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/real/fd.h"

namespace everstep {

struct ProcessStat {
  pid_t pid = 0;
  std::string name{};  // comm: at most 15 bytes, any bytes
  char state = '?';    // 'R' 'S' 'D' 'Z' …
  pid_t parent = 0;
  pid_t session = 0;
  std::uint64_t started = 0;  // clock ticks since boot
};

// nullopt: no such process.
std::optional<ProcessStat> StatOf(pid_t pid);

// All of this host that can be seen. Cost: one small file a process.
std::vector<ProcessStat> AllProcesses();

// Those of `all` whose chain of parents leads to one of `roots`; the roots themselves are not part of it.
std::vector<ProcessStat> DescendantsOf(const std::vector<pid_t>& roots, const std::vector<ProcessStat>& all);

// Readable once the process has ended; close-on-exec. Not open: no such process.
Fd OpenPidfd(pid_t pid);
void SignalPidfd(const Fd& pidfd, int signal);

// SIGKILL, unless the pid belongs to another process by now.
void KillExactly(const ProcessStat& process);

// "2 processes cannot be killed (D state): pid 12 python3, pid 13 python3" or, when none is in D state, "… are still ending:
// …". Empty for no processes.
std::string DescribeStuck(const std::vector<ProcessStat>& left);

// Of the running kernel; empty where /proc has none.
std::string BootIdText();

// The whole of a small file of /proc or a cgroup; nullopt when it cannot be read.
std::optional<std::string> ReadKernelFile(const std::string& path);
// One write(2); errno, or 0.
int WriteKernelFile(const std::string& path, const std::string& text);

}  // namespace everstep
