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
#include "health/core/offenders.h"
#include "launcher/core/api.h"

namespace everstep {

// An operator has taken the host out of work (drain.h).
struct Drain {
  std::string by{};  // user@host; empty: unknown
  std::string reason{};
  bool now = false;  // what it had was to move at once
  Time since{};
  WallTime at{};
  friend bool operator==(const Drain&, const Drain&) = default;
};
EVERSTEP_FIELDS(Drain, by, reason, now, since, at)

// An alarm of a host's monitor that stands.
struct KnownAlarm {
  HostAlarm alarm{};
  WallTime at{};
  bool cleared = false;  // a person has looked at it: it counts no more, until there is new evidence
  friend bool operator==(const KnownAlarm&, const KnownAlarm&) = default;
};
EVERSTEP_FIELDS(KnownAlarm, alarm, at, cleared)

EVERSTEP_ENUM(RemedyPhase, none, running, succeeded, failed)

// A host that its own checks have taken out of work (host_health.h): it gets nothing new, what it has leaves it as `action`
// says.
struct Quarantine {
  std::string check{};
  std::string scope{};
  HealthAction action = HealthAction::drain;  // defer or graver
  BootId boot{};                              // of the host then
  std::string state_id{};                     // of its agent then
  Time since{};                               // log time
  WallTime at{};
  std::string why{};              // the alarm
  JobId job{};                    // that it worked for then
  std::uint64_t checkpoints = 0;  // of that job, ever, then: one more, and it can move without losing anything
  RemedyPhase remedy = RemedyPhase::none;
  std::string remedy_why{};
  std::optional<std::uint32_t> xid{};  // where it was one
  friend bool operator==(const Quarantine&, const Quarantine&) = default;
};
EVERSTEP_FIELDS(Quarantine, check, scope, action, boot, state_id, since, at, why, job, checkpoints, remedy, remedy_why, xid)

// Something was done to a host for a check: the next time something stronger.
struct RemedyRecord {
  std::string check{};
  HealthAction action = HealthAction::reset;
  Time at{};
  friend bool operator==(const RemedyRecord&, const RemedyRecord&) = default;
};
EVERSTEP_FIELDS(RemedyRecord, check, action, at)

// An Xid that a host's monitor has told of, by the GPU that it hit.
struct XidSeen {
  std::string gpu{};  // its UUID; of one that nobody knows, the host and where it is in it
  std::uint32_t code = 0;
  NodeId node{};
  JobId job{};  // that ran there; empty: none
  Time at{};
  bool removed = false;  // it has taken its host out of work: something was done before that came back
  friend bool operator==(const XidSeen&, const XidSeen&) = default;
};
EVERSTEP_FIELDS(XidSeen, gpu, code, node, job, at, removed)
inline constexpr std::string_view kXidCheck = "gpu.xid";
// XidSeen::gpu. `uuid`: empty where nobody knows it.
inline std::string XidGpu(const std::string& uuid, const NodeId& node, const std::string& scope) {
  return uuid.empty() ? node.value + ' ' + scope : uuid;
}

// A host that checks have taken out of work, lately or still: so many an hour, no more.
struct Removal {
  NodeId node{};
  Time at{};
  friend bool operator==(const Removal&, const Removal&) = default;
};
EVERSTEP_FIELDS(Removal, node, at)

// What a run of pair tests without a finding has measured: such runs are what is normal here.
struct FabricRun {
  std::string provider{};   // "tcp;ofi_rxm"
  std::string test{};       // "pair"
  std::uint64_t bytes = 0;  // of the test
  std::uint32_t hosts = 0;
  std::uint32_t samples = 0;
  double median = 0;  // bytes a second
  double mad = 0;     // median absolute deviation from it
  Time at{};
  std::string run{};  // the generation that measured; empty: an older entry of the log
  friend bool operator==(const FabricRun&, const FabricRun&) = default;
};
EVERSTEP_FIELDS(FabricRun, provider, test, bytes, hosts, samples, median, mad, at, run)

// What the last preflight said of a host's network.
struct FabricCheck {
  bool passed = false;
  Time at{};  // log time
  BootId boot{};
  std::string why{};
  PreflightLevel level = PreflightLevel::off;
  std::string run{};  // the generation that checked: hosts of one run have passed with each other
  // Hosts that it takes, with it, to see that it is well again: where the network spoke against it a host alone shows nothing,
  // two show whether they hear each other, and three who of them is slow. 0: it passed, or failed a check of its own.
  std::uint32_t takes = 0;
  std::uint32_t hosts = 0;  // that were checked together; 0: an older entry of the log
  bool own = false;         // it failed a check of its own last; `takes` is of what the network said before
  bool given = false;       // to jobs that do not look themselves, although it failed: checks may not take it out of work
  bool put_off = false;     // given because no more hosts might go then: it goes when one may
  friend bool operator==(const FabricCheck&, const FabricCheck&) = default;
};
EVERSTEP_FIELDS(FabricCheck, passed, at, boot, why, level, run, takes, hosts, own, given, put_off)

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
  Time lost_at{};             // when it was evicted last
  std::optional<Drain> drain{};
  std::optional<FabricCheck> fabric{};
  std::vector<KnownAlarm> alarms{};
  std::optional<Quarantine> quarantine{};
  std::vector<health::Offence> offences{};  // oldest first; bounded
  std::vector<RemedyRecord> remedies{};     // oldest first; bounded
  std::vector<std::string> gpus{};          // those in it, by UUID, that have offences of their own
  friend bool operator==(const NodeState&, const NodeState&) = default;
};
EVERSTEP_FIELDS(NodeState, node, boot, state_id, speaks_since, address, job_address, accelerators, version, member, changed,
                why, lost_at, drain, fabric, alarms, quarantine, offences, remedies, gpus)

// The last check of it found it bad. A reboot mends no cable.
inline bool FailedCheck(const NodeState& node) {
  return node.fabric && !node.fabric->passed && (node.fabric->boot == node.boot || node.fabric->takes > 0);
}
// For which jobs that do not look themselves have to wait.
inline bool HeldBack(const NodeState& node) { return FailedCheck(node) && !node.fabric->given; }
// Which is weighed again, and then goes.
inline bool PutOff(const NodeState& node) { return FailedCheck(node) && node.fabric->given && node.fabric->put_off; }
inline constexpr std::string_view kFabric = "fabric";  // what `everstep clear --check` calls it

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

// Who is to blame for a failure, as far as that is known.
struct Blame {
  BlameClass kind = BlameClass::unknown;
  NodeId node{};  // empty: unknown
  std::optional<std::uint32_t> rank{};
  std::optional<std::uint32_t> code{};
  std::optional<std::uint32_t> signal{};
  std::string cause{};  // one sentence
  std::string means{};  // what is known about failures like this one, and what to do about them; may be empty
  friend bool operator==(const Blame&, const Blame&) = default;
};
EVERSTEP_FIELDS(Blame, kind, node, rank, code, signal, cause, means)

// A generation that broke, or a job that ended otherwise than well: what the facts about it say, kept together.
struct Incident {
  std::uint32_t number = 0;  // in the job, from 1
  Generation generation{};
  WallTime at{};
  Blame blame{};
  IncidentOutcome outcome = IncidentOutcome::open;
  std::optional<Time> noticed{};  // first sign of trouble
  Time broken{};
  std::optional<Time> stopped{};  // nothing of the generation runs any more
  std::optional<Time> planned{};  // the next one
  std::optional<Time> started{};
  std::optional<std::uint64_t> step{};         // the newest that was told of
  std::optional<std::uint64_t> resume_step{};  // of the next generation; 0: from the start
  std::optional<CheckpointId> resume{};
  std::string next{};  // the sentence of the restart or of the end
  friend bool operator==(const Incident&, const Incident&) = default;
};
EVERSTEP_FIELDS(Incident, number, generation, at, blame, outcome, noticed, broken, stopped, planned, started, step, resume_step,
                resume, next)

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
  std::string why{};  // empty: it failed this job before
  friend bool operator==(const AvoidedHost&, const AvoidedHost&) = default;
};
EVERSTEP_FIELDS(AvoidedHost, node, since, why)

// Where the time of a job's hosts went (LedgerView), in microseconds times hosts, up to log time `at`. Each interval is cut at
// whole microseconds of log time, so that the parts add up to hosts × time exactly.
struct Ledger {
  Time at{};
  std::uint64_t useful = 0;
  std::uint64_t unsaved = 0;
  std::uint64_t lost = 0;
  std::uint64_t at_risk = 0;  // of `lost`: at the last break; a checkpoint of that generation may still turn up
  std::uint64_t noticing = 0;
  std::uint64_t standing = 0;
  std::uint64_t spare = 0;
  friend bool operator==(const Ledger&, const Ledger&) = default;
};
EVERSTEP_FIELDS(Ledger, at, useful, unsaved, lost, at_risk, noticing, standing, spare)

// What a drill does to a generation. What breaks it in time, on that host, is the drill's doing.
struct DrillState {
  std::string why{};
  NodeId node{};
  FaultKind kind = FaultKind::rank_kill;
  Time over{};   // log time: the fault lasts no longer
  Time until{};  // what comes of it has come by then
  friend bool operator==(const DrillState&, const DrillState&) = default;
};
EVERSTEP_FIELDS(DrillState, why, node, kind, over, until)

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
  bool preflight = false;                // `generation` checks the hosts: its ranks are everstep-probe, one a host
  bool preflight_over = false;           // it has said what it found
  std::uint32_t preflights = 0;          // generations that checked hosts
  std::vector<LiveGang> live{};
  std::vector<RankEnd> ends{};          // of `generation`
  std::string broken{};                 // why `generation` broke, as first seen; empty: it has not
  NodeId broken_on{};                   // the host where that was seen; may be empty
  bool host_failed = false;             // `broken` is about a host, not about a rank
  bool port_taken = false;              // `broken` is about MASTER_PORT
  bool checkpoint_gone = false;         // `broken` is about the checkpoint: nobody sees it any more
  bool moved = false;                   // `broken` is an operator's wish: a host is drained, its work moves
  std::optional<std::uint64_t> step{};  // the newest that the ranks of `generation` told of, where they are gone
  bool hung = false;                    // `broken` is that no rank told of a new step
  std::optional<DrillState> drill{};    // the last one on `generation`
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
  std::vector<Incident> incidents{};         // oldest first; bounded
  std::uint32_t incidents_ever = 0;
  Ledger ledger{};
  std::optional<Time> first_started{};  // log time; the time limit counts from here
  Time generation_started{};            // log time of the last start
  bool pauses = false;                  // before the next generation (RestartNotBefore)
  std::uint32_t quick_breaks = 0;       // in a row: generations that broke soon after their start
  std::string give_up{};                // why there is no further generation; empty: there may be

  JobPhase outcome = JobPhase::failed;  // what it will end as; read in phase stopping and later
  std::optional<std::uint32_t> exit_code{};
  Duration stop_grace{0};  // of the stop under way (recovering, stopping)
  WallTime submitted_at{};
  std::optional<WallTime> started_at{};
  std::optional<WallTime> ended_at{};
  friend bool operator==(const JobState&, const JobState&) = default;
};
EVERSTEP_FIELDS(JobState, id, spec, order, request_id, phase, why, since, generation, hosts, spares, processes_per_node,
                master_address, master_port, resume, started, preflight, preflight_over, preflights, live, ends, broken,
                broken_on, host_failed, port_taken, checkpoint_gone, moved, step, hung, drill, refusal, avoid, checkpoints,
                checkpoints_ever, restarts, restarts_total, fruitless, ports_taken, progress, failed_at, signature, judged,
                incidents, incidents_ever, ledger, first_started, generation_started, pauses, quick_breaks, give_up, outcome,
                exit_code, stop_grace, submitted_at, started_at, ended_at)

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
  std::vector<Removal> removals{};              // all that are in quarantine, and others
  std::vector<FabricRun> fabric_runs{};         // oldest first; bounded
  std::vector<health::Offence> gpu_offences{};  // by UUID, wherever the GPU is now; oldest first; bounded
  std::vector<XidSeen> xids{};                  // oldest first; bounded
  friend bool operator==(const State&, const State&) = default;
};
EVERSTEP_FIELDS(State, epoch, now, membership, last_order, halted, nodes, jobs, ports, fences, removals, fabric_runs,
                gpu_offences, xids)

}  // namespace everstep
