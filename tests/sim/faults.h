// What goes wrong in a run, as a list: drawn from the seed before the run begins, so that a list can be printed, shortened and
// played again. Each seed has only some of the kinds ("swarm"): what hides behind one fault shows in a run without it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/fields.h"
#include "base/rng.h"
#include "base/time.h"

namespace everstep::sim {

// faults.cc has the chances of each, and which bounds it keeps.
EVERSTEP_ENUM(FaultKind,
              rank_kill,                   // SIGKILL to one rank
              rank_exit,                   // one rank ends by itself: exit code 0 or 1, SIGSEGV
              rank_oom,                    // the kernel kills one rank for its memory
              rank_stop,                   // one rank hangs (SIGSTOP): it hears no SIGTERM either
              rank_blocked,                // one rank in D state: not even SIGKILL ends it before its system call returns
              slow_host,                   // its ranks take up to four times as long for a step
              poison_host,                 // ranks die on it soon after they start
              keeper_kill,                 // kill -9 to a gang's keeper: its ranks die with it
              agent_kill,                  // kill -9, started again soon
              agent_stop,                  // SIGSTOP for a while
              agent_disk,                  // writes take seconds, on one host
              agent_disk_fails,            // writes fail, on one host
              refusal,                     // a host cannot prepare anything for a while
              power_loss,                  // a host; it comes back with a new boot id
              rack_power_loss,             // some hosts at once
              pause,                       // the whole machine stands still, and goes on
              cut,                         // a host from everyone
              cut_launcher,                // a host from the launcher only
              deaf,                        // launcher → host is cut, the way back works
              mute,                        // host → launcher is cut, the way back works
              rack_cut,                    // some hosts from all others; they still reach each other
              fabric_cut,                  // the ranks' network between two hosts: the control plane sees nothing of it
              flap,                        // a link 3 s on, 3 s off
              late_then_cut,               // what the launcher sends to a host comes seconds late; then the host is cut off
              replay,                      // a host gets commands and acknowledgements of earlier connections once more
              clog,                        // what is sent to or from a host waits, and arrives all at once
              weather,                     // loss and delay everywhere; what a closed connection still held comes late
              launcher_kill,               // started again soon
              launcher_stop,               // SIGSTOP
              launcher_power,              // its machine; what it wrote last may be torn
              launcher_twin,               // a second launcher on the same log, while the first runs or stands still
              launcher_copy,               // a second launcher on a copy of the log; the first stands still, and goes on
              launcher_newer_log,          // the log of a newer version, met by a launcher that starts
              launcher_disk,               // writes take seconds
              launcher_disk_full,          // no room
              launcher_fsync,              // a write, a sync or a deletion fails once
              launcher_bit_flip,           // one bit of its files, while it is down
              launcher_lost_write,         // a power cut takes one write along that the drive had called flushed
              launcher_misdirected_write,  // a power cut finds one write at another place of its file
              storage_stall,               // the shared file system stands still
              storage_full,                // saves end torn
              checkpoint_rot,              // a pinned checkpoint is not any more what it was
              wall_jump,                   // the launcher's wall clock
              wall_strobe,                 // it jumps to and fro by 200 ms
              drain,                       // an operator takes a host out of work for a while
              cancel,                      // a user cancels a job
              drill,                       // an operator asks for a drill on a job that runs
              preemption,                  // a host is told that it will be taken away, is drained for it, and loses its power
              alarm,             // a host's monitor raises an alarm, of any remedy; what asks for hands gets them later
              alarm_flaps,       // one comes and goes
              alarm_everywhere)  // one check fails on all hosts at once

struct Fault {
  Time at{};
  FaultKind kind = FaultKind::rank_kill;
  std::vector<int> hosts{};  // 1 …
  Duration lasts{0};
  std::uint64_t dice = 0;  // for what is chosen when it happens
  std::string Str() const;
};

// How often a kind occurs, by name.
struct FaultChance {
  FaultKind kind = FaultKind::rank_kill;
  double in_seed = 0.5;      // that a seed has it at all
  std::uint32_t weight = 1;  // within a seed, against the others that it has
  bool calm = false;         // may be drawn below the bounds: nobody is evicted for it
  std::string_view rows{};   // of the fault matrix
};
const std::vector<FaultChance>& FaultChances();

struct FaultPlan {
  int hosts = 5;
  Duration over = 5min;           // they begin within this time
  bool calm = false;              // only faults below the bounds: nobody may be evicted
  std::vector<FaultKind> only{};  // empty: what the seed has
};

// By time.
std::vector<Fault> DrawFaults(const FaultPlan& plan, Rng& rng);

}  // namespace everstep::sim
