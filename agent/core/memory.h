// What an agent must not forget: the highest epoch and generations it ever obeyed. It is on disk before anything is done that
// relies on it (authority, promise 1 of the product): an old launcher, a late command or a restarted agent can never bring back
// what is over. The decisions that follow from it are here too, each with its reason.
//
// Pure. The loop writes the struct through agent/daemon/state_files.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/fields.h"
#include "base/ids.h"
#include "base/job_spec.h"
#include "base/messages.h"
#include "base/time.h"

namespace everstep {

struct JobMemory {
  JobId job{};
  Generation prepared{};   // highest that this host was asked to prepare
  Generation started{};    // highest that this host gave to a keeper to exec; 0: none
  Generation forgotten{};  // highest that the launcher had this host forget: a command for it can only be a late one
  friend bool operator==(const JobMemory&, const JobMemory&) = default;
};
EVERSTEP_FIELDS(JobMemory, job, prepared, started, forgotten)

// What the next agent has to know to take a living gang over. No command line and no environment: those live in memory only.
struct GangRecord {
  JobId job{};
  Generation generation{};
  bool watches_checkpoints = false;
  std::optional<CheckpointSpec> checkpoint{};
  friend bool operator==(const GangRecord&, const GangRecord&) = default;
};
EVERSTEP_FIELDS(GangRecord, job, generation, watches_checkpoints, checkpoint)

struct AgentMemory {
  std::string state_id{};           // drawn when the state directory was new
  BootId boot{};                    // of the host when this was written
  Incarnation incarnation{};        // of the agent that wrote it
  Epoch epoch{};                    // highest ever obeyed
  LogIndex index{};                 // highest ever told of
  std::vector<JobMemory> jobs{};    // least recently prepared first; at most kJobsRemembered
  std::vector<GangRecord> gangs{};  // that may live on this host; some may be gone already
  friend bool operator==(const AgentMemory&, const AgentMemory&) = default;
};
EVERSTEP_FIELDS(AgentMemory, state_id, boot, incarnation, epoch, index, jobs, gangs)

// What the launcher last told of the cluster: enough for an agent that starts while there is no launcher to keep the gangs that
// it finds alive (fence.h).
struct ClusterMemory {
  Duration fence_after{0};
  std::vector<Peer> peers{};
  friend bool operator==(const ClusterMemory&, const ClusterMemory&) = default;
};
EVERSTEP_FIELDS(ClusterMemory, fence_after, peers)

// Jobs beyond this are forgotten, oldest first: their names carry a number that is not used again, and a command for one could
// only come from a launcher of an older epoch.
inline constexpr std::size_t kJobsRemembered = 2048;

// Each gives the reason why a command must not be obeyed; nullopt: nothing stands against it.
std::optional<std::string> WhyStaleEpoch(const AgentMemory& memory, Epoch epoch);
std::optional<std::string> WhyNotPrepare(const AgentMemory& memory, const GangKey& gang);
std::optional<std::string> WhyNotStart(const AgentMemory& memory, const GangKey& gang);

// The memory with one more thing in it, to be written before it is acted on.
AgentMemory WithPrepared(AgentMemory memory, const GangRecord& gang);
AgentMemory WithStarted(AgentMemory memory, const GangKey& gang);
AgentMemory WithForgotten(AgentMemory memory, const GangKey& gang);
AgentMemory WithoutGang(AgentMemory memory, const GangKey& gang);
bool WasStarted(const AgentMemory& memory, const GangKey& gang);

}  // namespace everstep
