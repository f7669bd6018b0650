// The ranks of a keeper that has not been started yet: interpreters that have been forked ahead of time and wait
// (agent/core/standby.h). Each is told over its standard input, at the start, which rank it becomes; or is killed.
//
// Thread: the keeper's loop. Nothing here waits: what does not fit into a pipe at once is not told, and that rank starts cold.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/keeper/rank_spawn.h"
#include "base/seam/processes.h"

namespace everstep {

class Standby {
 public:
  // Forks all. A rank that cannot be forked is not there.
  void Begin(KeeperStandby standby, SpawnPlace place);

  // The process that has waited for this rank, told to become it. nullopt: there is none, or it is not what the command asks
  // for; the caller forks one.
  std::optional<SpawnedRank> Become(const RankCommand& command, const std::string& workdir);
  // SIGKILL to all that have not become ranks. Whoever reaps them is the caller, as of every child.
  void Kill();
  // This child has ended: it can become nothing any more.
  void Reaped(pid_t pid);

 private:
  struct Waiting {
    RankCommand command{};  // without its environment
    std::size_t environment = 0;
    SpawnedRank process{};
    Fd told{};  // its standard input
  };
  std::string workdir_{};
  std::size_t interpreter_words_ = 0;
  std::vector<Waiting> waiting_{};
};

// What a waiting rank is told: see agent/core/standby.py.
std::string WhatToBecome(const RankCommand& command, std::size_t interpreter_words);

}  // namespace everstep
