// What Decide looks at: the decided state, and beside it what is only observed: sessions, newest reports, silence. The soft
// half is rebuilt from nothing after a restart.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/messages.h"
#include "base/time.h"
#include "health/core/check.h"
#include "health/core/xid.h"
#include "launcher/core/blame_rules.h"
#include "launcher/core/facts.h"
#include "launcher/core/state.h"

namespace everstep {

// Now, as decisions see it: log time, and the wall clock for display.
struct Now {
  Time at{};
  WallTime wall{};
};

// What is done about alarms of hosts: what they ask for, or nothing but telling.
EVERSTEP_ENUM(HealthMode, act, observe)

// Rules that the operator sets (LauncherOptions); in force for decisions made from now on.
struct Policy {
  Duration fence_after = 4s;
  Duration prepare_deadline = 2min;  // a host that has not prepared by then is given up for the job
  // SIGTERM to SIGKILL for ranks of a broken generation: their step is lost anyway, and most hang in a collective whose peer is
  // gone, where they hear no signal.
  Duration recovery_grace = 300ms;
  bool fence_hook = false;
  std::uint32_t port_first = 20000;
  std::uint32_t port_last = 29999;
  Duration port_rest = 10min;
  std::uint32_t jobs_max = 10000;
  std::size_t checkpoints_kept = 16;  // records of each job
  BlameRules blame{};                 // none: only signals and exit codes speak
  HealthMode health = HealthMode::act;
  std::uint32_t removals_percent = 10;   // of the hosts, that checks may take out of work within an hour; at least one
  Duration move_within = 15min;          // for a job on a host in quarantine, if it saves no checkpoint
  std::vector<HealthAction> remedies{};  // that the site has hooks for
  PreflightSpec preflight{};             // of jobs that leave it to the launcher
  health::XidTable xids{};               // what follows where one comes back
  std::vector<health::Check> checks{};   // the catalogue, of which this launcher tells what is read between hosts
};

EVERSTEP_ENUM(Pulse, trusted, suspect, lost)

// The end of what a rank wrote to stderr, as RankExit::tail.
struct RankWords {
  std::uint32_t rank = 0;
  std::string tail{};
};

// What is known of a host now.
struct HostNow {
  bool connected = false;  // a session stands
  Pulse pulse = Pulse::trusted;
  std::string pulse_why{};
  Time silent_since{};             // nothing heard since, by receipt; never earlier than the truth
  Time heard_since{};              // while trusted: no gap longer than suspect_after since then; never earlier than the truth
  std::uint64_t told = 0;          // a version of the membership that it surely has, or a newer one
  std::optional<Report> report{};  // of this session; nullopt: not heard since the launcher started
  // Set when the host is lost or comes back rebooted, for the jobs that had ranks there; by rank.
  std::map<GangKey, std::vector<RankWords>> last_words{};
};

struct World {
  std::map<GangKey, Time> first_failure{};  // when the first bad end of a gang was heard of; soft
  Time heard_until{};                       // all that came until then has been handled: what is missing has not come
  std::map<GangKey, Time> stepped{};        // when ranks of a gang last told of a new step; soft
  State state{};
  Policy policy{};
  std::map<NodeId, HostNow> hosts{};
};

inline const HostNow* HostIn(const World& world, const NodeId& node) {
  const auto it = world.hosts.find(node);
  return it == world.hosts.end() ? nullptr : &it->second;
}
inline const JobState* JobIn(const State& state, const JobId& job) {
  const auto it = state.jobs.find(job);
  return it == state.jobs.end() ? nullptr : &it->second;
}
inline const NodeState* NodeIn(const State& state, const NodeId& node) {
  const auto it = state.nodes.find(node);
  return it == state.nodes.end() ? nullptr : &it->second;
}
inline bool Avoids(const JobState& job, const NodeId& node) {
  for (const AvoidedHost& avoided : job.avoid)
    if (avoided.node == node) return true;
  return false;
}
// What the host last said about a gang; nullptr: nothing.
const GangStatus* GangOn(const World& world, const NodeId& node, const JobId& job, Generation generation);

}  // namespace everstep
