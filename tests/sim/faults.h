// What goes wrong in a run, as a list: drawn from the seed before the run begins, so that a list can be printed, shortened and
// played again. Each seed has only some of the kinds ("swarm"): what hides behind one fault shows in a run without it.
#pragma once

#include <string>
#include <vector>

#include "base/fields.h"
#include "base/rng.h"
#include "base/time.h"

namespace everstep::sim {

EVERSTEP_ENUM(FaultKind,
              rank_kill,        // SIGKILL to one rank
              agent_kill,       // kill -9, started again soon
              agent_stop,       // SIGSTOP for a while
              power_loss,       // a host; it comes back with a new boot id
              pause,            // the whole machine stands still
              cut,              // a host from everyone
              cut_launcher,     // a host from the launcher only
              deaf,             // launcher → host is cut, the way back works
              mute,             // host → launcher is cut, the way back works
              rack_cut,         // some hosts from all others; they still reach each other
              rack_power_loss,  // some hosts at once
              flap,             // a link 3 s on, 3 s off
              launcher_kill,    // started again soon
              launcher_stop,    // SIGSTOP
              launcher_power,   // its machine
              launcher_disk,    // writes take seconds
              agent_disk,       // writes take seconds, on one host
              weather,          // loss and delay everywhere
              wall_jump,        // the launcher's wall clock
              refusal,          // a host cannot prepare anything for a while
              cancel)           // a user cancels a job

struct Fault {
  Time at{};
  FaultKind kind = FaultKind::rank_kill;
  std::vector<int> hosts{};  // 1 …
  Duration lasts{0};
  std::uint64_t dice = 0;  // for what is chosen when it happens
  std::string Str() const;
};

struct FaultPlan {
  int hosts = 5;
  Duration over = 5min;  // they begin within this time
  bool calm = false;     // only faults below the bounds: nobody may be evicted
};

// By time.
std::vector<Fault> DrawFaults(const FaultPlan& plan, Rng& rng);

}  // namespace everstep::sim
