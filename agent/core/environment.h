// What a rank is given: its whole environment and its argument list. The contract is torchrun's, complete, so that scripts
// written for it run unchanged, and a few names of our own (EVERSTEP_*). The base is the user's environment as it came with the
// job, never the agent's: an agent runs as a service, without the user's PATH and Python.
//
// Who wins, lowest first: defaults of this host (only PATH, HOME, USER, LOGNAME, SHELL, LANG) · values of env_from and env
// (Readied::env) · the contract. "Unless set" in the table of environment.cc lets the user's value win over the contract's.
//
// Pure. Cost: O(ranks × environment).
#pragma once

#include <string>

#include "base/messages.h"
#include "base/seam/processes.h"
#include "base/seam/slow_files.h"

namespace everstep {

// What the environment needs to know about this host.
struct HostFacts {
  std::string job_address{};  // MASTER_ADDR if the launcher left it to this host
  std::string interface {};   // network interface of job_address, for GLOO_ and NCCL_SOCKET_IFNAME; empty: not known
  std::string rack{};         // empty: not known
  std::string user{};         // defaults for jobs that bring no environment of their own
  std::string home{};
  std::string shell{};
};

// REQUIRES: `readied` is the answer for `spec`. `words_dir`: an existing directory; each rank may write a file into it that
// says how it failed (torchrun's error file), and one that says how far it is. `progress`: what this host looks for in lines.
KeeperStart RanksOf(const GangSpec& spec, const Readied& readied, const HostFacts& host, const std::string& words_dir,
                    const ProgressTable& progress);

// The error file of one rank, and the file that its EVERSTEP_PROGRESS names (base/progress/progress_file.h).
std::string ErrorFile(const std::string& words_dir, std::uint32_t local_rank);
std::string ProgressFile(const std::string& words_dir, std::uint32_t local_rank);

}  // namespace everstep
