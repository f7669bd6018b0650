// What a seed draws beside its faults: the surroundings that stay the same for a whole run.
#pragma once

#include <string>

#include "base/rng.h"
#include "base/text.h"
#include "tests/sim/bugs.h"
#include "tests/sim/launcher_disk.h"

namespace everstep::sim {

struct Swarm {
  StoreKind store = StoreKind::sqlite;
  bool old_log = false;        // the launcher starts on the log of an earlier version
  bool fence_hook = false;     // the site can switch hosts off
  double hook_works = 0.7;     // of the times
  double ignores_term = 0.1;   // of gangs whose ranks ignore SIGTERM
  double zombie_saves = 0.5;   // of jobs whose ranks go on saving while they hang
  double saves_block = 0.5;    // of jobs whose ranks wait for their saves
  Duration save_max = 3s;      // how long one takes at most
  double buggy = 0.12;         // of jobs whose code fails at some step
  std::uint32_t budget = 100;  // restarts
  std::uint64_t compact_every = 20000;
  Duration turn_max{0};  // of the launcher: what comes meanwhile is decided on together
  bool observe = false;  // what checks say is told, and nothing is done
  std::string Str() const;
};

inline Swarm DrawSwarm(bool calm, Bug bug, Rng rng) {
  Swarm swarm;
  const double store = rng.Unit(), old = rng.Unit(), hook = rng.Unit(), term = rng.Unit(), compact = rng.Unit();
  const std::uint64_t budget = rng.Below(3);
  swarm.save_max = rng.Below(3) == 0 ? 25s : 3s;
  swarm.store = store < 0.6 ? StoreKind::sqlite : StoreKind::memory;
  swarm.old_log = old < 0.2;
  swarm.fence_hook = !calm && hook < 0.25;
  swarm.ignores_term = term < 0.5 ? 0.1 : 0.5;
  swarm.compact_every = compact < 0.3 ? 20 : compact < 0.5 ? 150 : 20000;
  swarm.budget = budget == 0 ? 5 : 100;
  constexpr Duration kTurns[] = {0s, 1ms, 20ms, 200ms};
  swarm.turn_max = kTurns[rng.Below(std::size(kTurns))];
  swarm.observe = rng.Unit() < 0.15;
  if (bug == Bug::syncs_ignored) swarm.store = StoreKind::sqlite;
  if (bug == Bug::lost_on_reopen) swarm.store = StoreKind::memory;
  if (bug == Bug::lost_on_reopen) swarm.compact_every = 20000;
  return swarm;
}

inline std::string Swarm::Str() const {
  return Cat("log ", store == StoreKind::sqlite ? "in SQLite" : "in memory", old_log ? ", begun by an earlier version" : "",
             fence_hook ? ", fence hook" : "", ", saves of up to ", Show(save_max), ", budget ", budget, ", a snapshot every ",
             compact_every, " entries", turn_max > Duration(0) ? Cat(", turns of up to ", Show(turn_max)) : "",
             observe ? ", checks are only observed" : "");
}

}  // namespace everstep::sim
