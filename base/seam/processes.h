// Processes, one of the five seams: an agent's way to its keepers. A keeper (everstep-keeper) is the parent of one gang's ranks
// on this host; it outlives the agent. Calls never block; what happens comes to the loop thread as KeeperEvent.
//
// Spool: each gang has a directory `<state>/gangs/<job>.<generation>/` with the keeper's socket, the ranks' logs and the exit
// records; it stays until Discard.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/fields.h"
#include "base/ids.h"
#include "base/messages.h"
#include "base/progress_table.h"
#include "base/result.h"
#include "base/time.h"

namespace everstep {

// One rank, ready to exec.
struct RankCommand {
  std::uint32_t rank = 0;
  std::uint32_t local_rank = 0;
  std::vector<std::string> argv{};  // argv[0]: an absolute path
  std::vector<std::string> env{};   // NAME=value, the whole environment; held in memory only
  std::string progress_file{};      // what EVERSTEP_PROGRESS names; empty: none
};
EVERSTEP_FIELDS(RankCommand, rank, local_rank, argv, env, progress_file)

// What ranks see in place of what is there, in mount namespaces of their own (base/real/mounts.h).
struct RankMounts {
  std::string own{};    // the directory that they see …
  std::string over{};   // … here
  std::string shown{};  // a directory below `over`, still seen at its place, but only for reading
};
EVERSTEP_FIELDS(RankMounts, own, over, shown)

// What a keeper is told, once, when it has to start its ranks.
struct KeeperStart {
  static constexpr std::string_view kName = "start";
  std::string workdir{};
  std::vector<RankCommand> ranks{};
  ProgressTable progress{};  // what to look for in what they print
  std::optional<RankMounts> mounts{};
};
EVERSTEP_FIELDS(KeeperStart, workdir, ranks, progress, mounts)

// Told to a keeper that is ready: ranks that it may be started with one day, to be forked now. They wait, with their imports
// done, to be told by the start what they become (agent/core/standby.h); those that do not fit it, or are told to quit, are
// killed.
struct KeeperStandby {
  static constexpr std::string_view kName = "standby";
  std::string workdir{};
  std::uint32_t interpreter_words = 0;  // how many words of a start's argv they have already
  std::vector<RankCommand> ranks{};
};
EVERSTEP_FIELDS(KeeperStandby, workdir, interpreter_words, ranks)

// The fence timer: at `until` (boot clock) the keeper kills everything at once, unless told a later time before.
struct KeeperLease {
  static constexpr std::string_view kName = "lease";
  Time until{};
};
EVERSTEP_FIELDS(KeeperLease, until)

// SIGTERM to every rank's process group, SIGKILL to the whole tree after `grace`. A second one may only shorten the grace.
struct KeeperStop {
  static constexpr std::string_view kName = "stop";
  Duration grace{0};
};
EVERSTEP_FIELDS(KeeperStop, grace)

// All is recorded: exit. Refused (ignored) while any process of the gang lives.
struct KeeperQuit {
  static constexpr std::string_view kName = "quit";
};
EVERSTEP_FIELDS(KeeperQuit)

using ToKeeper = std::variant<KeeperStart, KeeperStandby, KeeperLease, KeeperStop, KeeperQuit>;

// The whole state of a keeper, sent on connect and on every change (progress alone: at most once a second).
//   ready     up, nothing started
//   running   ranks started; some may have ended
//   stopping  stop or fence under way
//   empty     started and no process of the gang is left (seen to be gone)
EVERSTEP_ENUM(KeeperPhase, ready, running, stopping, empty)

struct KeeperStatus {
  static constexpr std::string_view kName = "status";
  KeeperPhase phase = KeeperPhase::ready;
  bool fenced = false;  // the fence timer fired
  std::string why{};    // start failed: "cannot exec /usr/bin/trian: No such file"; stop: "3 processes in D state"
  std::vector<RankStatus> ranks{};
  std::string limits{};  // what this host's kernel lacks: "no cgroup v2: tree kill by session and subreaper"
  std::optional<Progress> progress{};
  friend bool operator==(const KeeperStatus&, const KeeperStatus&) = default;
};
EVERSTEP_FIELDS(KeeperStatus, phase, fenced, why, ranks, limits, progress)

// A keeper said its status, or
//   up       with `status`: the keeper is there (launched or adopted)
//   failed   it could not be started, or refused our protocol version: `why`
//   gone     its process ended; `status` is what its spool says last: phase empty only if the gang was seen to be gone, ready
//            only if nothing was ever started
EVERSTEP_ENUM(KeeperEventKind, up, status, failed, gone)

struct KeeperEvent {
  GangKey gang{};
  KeeperEventKind kind = KeeperEventKind::status;
  KeeperStatus status{};
  std::string why{};
};

// What a drill does to a gang's processes: FaultKind, but for checkpoint_torn, which is no matter of processes.
struct Fault {
  FaultKind kind = FaultKind::rank_kill;
  std::uint32_t rank = 0;
  Duration lasts{0};
};

// A drill that was not done; the answer to Processes::Inject, only then.
struct DrillFailed {
  GangKey gang{};
  std::string why{};
};

class Processes {
 public:
  virtual ~Processes() = default;
  // Starts a keeper for the gang; up or failed follows. The fence timer starts at `lease`.
  virtual void Launch(const GangKey& gang, KeeperLease lease) = 0;
  // Connects to every keeper that an earlier agent left on this host; returns their gangs, up or gone follows for each. An
  // error: nobody can say what lives here.
  virtual Result<std::vector<GangKey>> Adopt() = 0;
  virtual void Send(const GangKey& gang, ToKeeper message) = 0;
  // Brings about a fault in a gang that runs; what comes of it is heard as ever. DrillFailed comes when it cannot be done.
  virtual void Inject(const GangKey& gang, const Fault& fault) = 0;
  // Removes the gang's spool (its logs are kept for `logs` under the agent's log directory). REQUIRES: failed or gone was seen.
  virtual void Discard(const GangKey& gang) = 0;
};

}  // namespace everstep
