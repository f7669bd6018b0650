// All that the launcher has decided, as plain data: the fold of Apply over the log. Nothing in here is soft: who beats and what
// agents report stands in launcher/core/world.h.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/fields.h"
#include "base/ids.h"
#include "base/job_spec.h"
#include "base/messages.h"
#include "base/time.h"
#include "launcher/core/api.h"

namespace everstep {

// A host that has joined once. It stays here when it is lost, until an operator removes it.
struct NodeState {
  NodeId node{};
  BootId boot{};
  std::string state_id{};  // of the agent that speaks for it (Hello::state_id)
  Time speaks_since{};     // when the agent of this state_id took the name over, or took it first
  std::string address{};
  std::string job_address{};
  std::uint32_t accelerators = 0;
  std::string version{};
  bool member = true;         // counted in the membership: may vote by being reached, may be given work
  std::uint64_t changed = 0;  // version of the membership in which it became a member, or ceased to be one
  std::string why{};          // why it is (no) member
  friend bool operator==(const NodeState&, const NodeState&) = default;
};
EVERSTEP_FIELDS(NodeState, node, boot, state_id, speaks_since, address, job_address, accelerators, version, member, changed,
                why)

// A gang of some generation that may still have processes on a host. It is released by a HostReleased fact only.
struct LiveGang {
  Generation generation{};
  NodeId node{};
  BootId boot{};                 // of the host when the gang was planned: another boot cannot have its processes
  std::string state_id{};        // of its agent then: another one knows nothing of the gang, and its word is no proof
  std::uint64_t membership = 0;  // version when the gang was planned: its host has been told of it, if it ever started
  friend bool operator==(const LiveGang&, const LiveGang&) = default;
};
EVERSTEP_FIELDS(LiveGang, generation, node, boot, state_id, membership)

// How one rank of the current generation ended. Kept in the order in which the news came: the first failure is the likeliest
// cause.
struct RankEnd {
  std::uint32_t rank = 0;
  NodeId node{};
  RankExit exit{};
  friend bool operator==(const RankEnd&, const RankEnd&) = default;
};
EVERSTEP_FIELDS(RankEnd, rank, node, exit)

// Checkpoints that are registered (complete, verified, pinned), or known and not offered.
struct CheckpointRecord {
  CheckpointId id{};
  CheckpointSeen seen{};
  bool offered = false;   // may be resumed from
  std::string why_not{};  // set iff not offered
  WallTime at{};
  friend bool operator==(const CheckpointRecord&, const CheckpointRecord&) = default;
};
EVERSTEP_FIELDS(CheckpointRecord, id, seen, offered, why_not, at)

// A host that failed or refused a job.
struct AvoidedHost {
  NodeId node{};
  Time since{};
  friend bool operator==(const AvoidedHost&, const AvoidedHost&) = default;
};
EVERSTEP_FIELDS(AvoidedHost, node, since)

struct JobState {
  JobId id{};
  JobSpec spec{};
  std::uint64_t order = 0;  // of submission
  std::string request_id{};
  JobPhase phase = JobPhase::queued;
  std::string why{};
  Time since{};  // in this phase

  Generation generation{};      // 0: never planned
  std::vector<NodeId> hosts{};  // of `generation`, by node rank
  std::vector<NodeId> spares{};
  std::uint32_t processes_per_node = 0;
  std::string master_address{};
  std::uint32_t master_port = 0;
  std::optional<CheckpointId> resume{};  // what `generation` resumes from
  bool started = false;                  // `generation` was told to start
  std::vector<LiveGang> live{};
  std::vector<RankEnd> ends{};          // of `generation`
  std::string broken{};                 // why `generation` broke, as first seen; empty: it has not
  NodeId broken_on{};                   // the host where that was seen; may be empty
  bool host_failed = false;             // `broken` is about a host, not about a rank
  bool port_taken = false;              // `broken` is about MASTER_PORT
  bool checkpoint_gone = false;         // `broken` is about the checkpoint: nobody sees it any more
  std::optional<std::uint64_t> step{};  // the newest that the ranks of `generation` told of, where they are gone
  std::string refusal{};                // `broken` is a host's refusal: in its words; empty: it is not
  std::vector<AvoidedHost> avoid{};     // not given to this job while others can be had

  std::vector<CheckpointRecord> checkpoints{};  // oldest first; bounded
  std::uint64_t checkpoints_ever = 0;           // kept or not
  std::vector<Time> restarts{};                 // of the budget's window, oldest first
  std::uint32_t restarts_total = 0;
  std::uint32_t fruitless = 0;               // failures of the code in a row without a newer checkpoint or step
  std::uint32_t ports_taken = 0;             // generations in a row whose MASTER_PORT was not free
  std::optional<std::uint64_t> progress{};   // newest step known at the last failure
  std::optional<std::uint64_t> failed_at{};  // the step that the ranks told of at the last failure
  std::string signature{};                   // of the last failure
  bool judged = false;                       // the failure of `generation` is judged
  std::string give_up{};                     // why there is no further generation; empty: there may be

  JobPhase outcome = JobPhase::failed;  // what it will end as; read in phase stopping and later
  std::optional<std::uint32_t> exit_code{};
  Duration stop_grace{0};  // of the stop under way (recovering, stopping)
  WallTime submitted_at{};
  std::optional<WallTime> started_at{};
  std::optional<WallTime> ended_at{};
  friend bool operator==(const JobState&, const JobState&) = default;
};
EVERSTEP_FIELDS(JobState, id, spec, order, request_id, phase, why, since, generation, hosts, spares, processes_per_node,
                master_address, master_port, resume, started, live, ends, broken, broken_on, host_failed, port_taken,
                checkpoint_gone, step, refusal, avoid, checkpoints, checkpoints_ever, restarts, restarts_total, fruitless,
                ports_taken, progress, failed_at, signature, judged, give_up, outcome, exit_code, stop_grace, submitted_at,
                started_at, ended_at)

// A MASTER_PORT that was given out.
struct PortUse {
  std::uint32_t port = 0;
  JobId job{};
  Time at{};
  friend bool operator==(const PortUse&, const PortUse&) = default;
};
EVERSTEP_FIELDS(PortUse, port, job, at)

// A fence hook that was started for a host and has no outcome yet, or had one.
struct FenceRecord {
  NodeId node{};
  BootId boot{};
  bool ended = false;
  bool off = false;  // the hook said that the host is off
  friend bool operator==(const FenceRecord&, const FenceRecord&) = default;
};
EVERSTEP_FIELDS(FenceRecord, node, boot, ended, off)

struct State {
  Epoch epoch{};
  Time now{};                    // log time of the last entry
  std::uint64_t membership = 0;  // version: grows with every change of members or their addresses
  std::uint64_t last_order = 0;
  std::string halted{};  // why nothing may be decided on this log; empty: all is well
  std::map<NodeId, NodeState> nodes{};
  std::map<JobId, JobState> jobs{};
  std::vector<PortUse> ports{};
  std::vector<FenceRecord> fences{};
  friend bool operator==(const State&, const State&) = default;
};
EVERSTEP_FIELDS(State, epoch, now, membership, last_order, halted, nodes, jobs, ports, fences)

}  // namespace everstep
