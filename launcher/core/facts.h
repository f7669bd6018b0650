// What can be decided, as facts. A fact is written once and applied for ever: it names what was decided, never how to decide it
// again, and carries the one sentence that says why. Adding a fact or a field is a new store version; meaning never changes.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/fields.h"
#include "launcher/core/state.h"

namespace everstep {

struct LauncherStarted {
  static constexpr std::string_view kName = "launcher_started";
  Epoch epoch{};
  Duration downtime{0};  // added to log time: wall difference, clamped to 0 … 1 h
  std::string why{};
};
EVERSTEP_FIELDS(LauncherStarted, epoch, downtime, why)

// Somebody knows more than this log: nothing is decided on it, also by the launchers of later epochs, until an operator clears
// it.
struct LauncherHalted {
  static constexpr std::string_view kName = "launcher_halted";
  bool cleared = false;
  std::string why{};
};
EVERSTEP_FIELDS(LauncherHalted, cleared, why)

// A host is new, came back, or changed its address, boot or agent.
struct NodeJoined {
  static constexpr std::string_view kName = "node_joined";
  NodeId node{};
  BootId boot{};
  std::string state_id{};
  std::string address{};
  std::string job_address{};
  std::uint32_t accelerators = 0;
  std::string version{};
  std::string why{};
};
EVERSTEP_FIELDS(NodeJoined, node, boot, state_id, address, job_address, accelerators, version, why)

// For the record only: nothing is decided by suspicion alone.
struct NodeSuspected {
  static constexpr std::string_view kName = "node_suspected";
  NodeId node{};
  std::string why{};
};
EVERSTEP_FIELDS(NodeSuspected, node, why)
struct NodeTrusted {
  static constexpr std::string_view kName = "node_trusted";
  NodeId node{};
  std::string why{};
};
EVERSTEP_FIELDS(NodeTrusted, node, why)

// Evicted from the membership. Its processes may still live: see HostReleased.
struct NodeLost {
  static constexpr std::string_view kName = "node_lost";
  NodeId node{};
  std::string why{};
};
EVERSTEP_FIELDS(NodeLost, node, why)

// The launcher wanted to evict and must not: too many are silent.
struct EvictionHeld {
  static constexpr std::string_view kName = "eviction_held";
  NodeId node{};
  std::string why{};
};
EVERSTEP_FIELDS(EvictionHeld, node, why)

// An operator's word. It stands until an operator takes it back: no joining, loss or reboot changes it.
struct NodeDrained {
  static constexpr std::string_view kName = "node_drained";
  NodeId node{};
  std::string by{};
  std::string reason{};
  bool now = false;  // what it has moves at once
  std::string why{};
};
EVERSTEP_FIELDS(NodeDrained, node, by, reason, now, why)
struct NodeUndrained {
  static constexpr std::string_view kName = "node_undrained";
  NodeId node{};
  std::string by{};
  std::string why{};
};
EVERSTEP_FIELDS(NodeUndrained, node, by, why)

// A host's monitor has raised an alarm, or it has become graver.
struct AlarmRaised {
  static constexpr std::string_view kName = "alarm_raised";
  NodeId node{};
  HostAlarm alarm{};
  JobId job{};  // that the host worked for; may be empty
  std::string why{};
  std::optional<std::uint32_t> xid{};  // its code, of an alarm about one
  std::string gpu{};                   // that it hit (XidSeen::gpu)
};
EVERSTEP_FIELDS(AlarmRaised, node, alarm, job, why, xid, gpu)
struct AlarmOver {
  static constexpr std::string_view kName = "alarm_over";
  NodeId node{};
  std::string check{};
  std::string scope{};
  std::string why{};
};
EVERSTEP_FIELDS(AlarmOver, node, check, scope, why)

// A person's word about alarms: they have been looked at. They count no more, nor does what came of them: a quarantine for one
// of them, offences.
struct AlarmsCleared {
  static constexpr std::string_view kName = "alarms_cleared";
  NodeId node{};
  std::string check{};  // empty: all
  std::string by{};
  std::string note{};
  std::string why{};
};
EVERSTEP_FIELDS(AlarmsCleared, node, check, by, note, why)

// Its own checks take a host out of work. An operator's drain is another matter, and neither touches the other.
struct NodeQuarantined {
  static constexpr std::string_view kName = "node_quarantined";
  NodeId node{};
  std::string check{};
  std::string scope{};
  HealthAction action = HealthAction::drain;
  JobId job{};  // that it works for; may be empty
  std::string cause{};
  std::string why{};
  std::string gpu{};  // whose doing it was, by UUID: it is that GPU's offence, not the host's; empty: the host's
  std::optional<std::uint32_t> xid{};  // where it was one
};
EVERSTEP_FIELDS(NodeQuarantined, node, check, scope, action, job, cause, why, gpu, xid)
struct QuarantineOver {
  static constexpr std::string_view kName = "quarantine_over";
  NodeId node{};
  std::string why{};
};
EVERSTEP_FIELDS(QuarantineOver, node, why)

// GPUs with offences of their own have come into a host, or left it.
struct GpusSeen {
  static constexpr std::string_view kName = "gpus_seen";
  NodeId node{};
  std::vector<std::string> gpus{};  // all that are in it now, by UUID
  std::string why{};
};
EVERSTEP_FIELDS(GpusSeen, node, gpus, why)
// A check has turned out to be broken: what it made of hosts counts no more.
struct OffencesTakenBack {
  static constexpr std::string_view kName = "offences_taken_back";
  std::string check{};
  Time since{};  // log time: older ones stand, when nobody knows of it being broken
  std::string why{};
};
EVERSTEP_FIELDS(OffencesTakenBack, check, since, why)
// The time has come from which on a host is not kept away any more.
struct OffencesFaded {
  static constexpr std::string_view kName = "offences_faded";
  NodeId node{};
  std::string why{};
};
EVERSTEP_FIELDS(OffencesFaded, node, why)

// Intent and outcome of the site's hook that resets, reboots or replaces a host in quarantine.
struct RemedyStarted {
  static constexpr std::string_view kName = "remedy_started";
  NodeId node{};
  std::string check{};
  HealthAction action = HealthAction::reset;
  std::string why{};
};
EVERSTEP_FIELDS(RemedyStarted, node, check, action, why)
struct RemedyEnded {
  static constexpr std::string_view kName = "remedy_ended";
  NodeId node{};
  HealthAction action = HealthAction::reset;
  bool succeeded = false;
  std::string why{};
};
EVERSTEP_FIELDS(RemedyEnded, node, action, succeeded, why)

// Pair tests without a finding: what is normal here is learned from them.
struct FabricMeasured {
  static constexpr std::string_view kName = "fabric_measured";
  JobId job{};
  FabricRun run{};  // `at` is set when it is applied
  std::string why{};
};
EVERSTEP_FIELDS(FabricMeasured, job, run, why)

// Intent and outcome of the fence hook, for this boot of the host only.
struct FenceStarted {
  static constexpr std::string_view kName = "fence_started";
  NodeId node{};
  BootId boot{};
  std::string why{};
};
EVERSTEP_FIELDS(FenceStarted, node, boot, why)
struct FenceEnded {
  static constexpr std::string_view kName = "fence_ended";
  NodeId node{};
  BootId boot{};
  bool off = false;
  std::string why{};
};
EVERSTEP_FIELDS(FenceEnded, node, boot, off, why)

struct JobSubmitted {
  static constexpr std::string_view kName = "job_submitted";
  JobId job{};
  JobSpec spec{};
  std::string request_id{};
  std::string why{};
};
EVERSTEP_FIELDS(JobSubmitted, job, spec, request_id, why)

// Hosts, ports and resume point of a new generation. Hosts prepare as soon as this is durable.
struct GenerationPlanned {
  static constexpr std::string_view kName = "generation_planned";
  JobId job{};
  Generation generation{};      // strictly greater than any before
  std::vector<NodeId> hosts{};  // rank order; not empty
  std::vector<NodeId> spares{};
  std::uint32_t processes_per_node = 1;
  std::string master_address{};
  std::uint32_t master_port = 0;
  std::optional<CheckpointId> resume{};
  bool restart = false;    // counts against the budget
  bool preflight = false;  // its ranks check the hosts; what was asked for comes in a later one
  std::string why{};
};
EVERSTEP_FIELDS(GenerationPlanned, job, generation, hosts, spares, processes_per_node, master_address, master_port, resume,
                restart, preflight, why)

struct GenerationStarted {
  static constexpr std::string_view kName = "generation_started";
  JobId job{};
  Generation generation{};
  std::string why{};
};
EVERSTEP_FIELDS(GenerationStarted, job, generation, why)

// A generation that checks its hosts has found what it can find. Bad hosts are not given to this job while others can be had;
// the others have passed.
struct PreflightEnded {
  static constexpr std::string_view kName = "preflight_ended";
  struct Bad {
    NodeId node{};
    std::string why{};
    std::uint32_t takes = 0;  // hosts, to see that it is well again (FabricCheck)
    std::string stays{};      // why it is given to other jobs all the same; empty: it is not
    bool put_off = false;     // only until checks may take it out of work
    friend bool operator==(const Bad&, const Bad&) = default;
  };
  JobId job{};
  Generation generation{};
  std::vector<Bad> bad{};
  std::string why{};
};
EVERSTEP_FIELDS(PreflightEnded::Bad, node, why, takes, stays, put_off)
EVERSTEP_FIELDS(PreflightEnded, job, generation, bad, why)

// A job that is a check of its hosts (`everstep check`) has found what it can find. It goes on to its end by itself.
struct HostsChecked {
  static constexpr std::string_view kName = "hosts_checked";
  JobId job{};
  Generation generation{};
  PreflightLevel level = PreflightLevel::quick;
  std::vector<NodeId> passed{};  // with each other
  std::vector<PreflightEnded::Bad> bad{};
  std::string why{};
};
EVERSTEP_FIELDS(HostsChecked, job, generation, level, passed, bad, why)

// A host that failed its check and was put off goes now: jobs that do not look themselves get it no more until it has passed.
struct HostHeldBack {
  static constexpr std::string_view kName = "host_held_back";
  NodeId node{};
  std::string why{};
};
EVERSTEP_FIELDS(HostHeldBack, node, why)

// The generation will not go on: its ranks are stopped everywhere.
struct GenerationBroken {
  static constexpr std::string_view kName = "generation_broken";
  JobId job{};
  Generation generation{};
  NodeId node{};  // whose failure was seen first
  bool host_failed = false;
  bool port_taken = false;        // MASTER_PORT was not free
  bool checkpoint_gone = false;   // no host sees the checkpoint to resume from: it is withdrawn
  bool moved = false;             // nothing failed: the host is drained, its work moves
  bool hung = false;              // its ranks tell of no new step
  bool avoid_node = false;        // do not give `node` to this job again
  std::vector<RankEnd> ends{};    // seen so far
  Duration grace{0};              // between SIGTERM and SIGKILL for the others
  std::string cause{};            // "rank 1 on n2 was killed by SIGKILL"
  std::string refusal{};          // a host refused to prepare: in its words
  std::optional<Time> noticed{};  // log time of the first sign of it
  std::string why{};
};
EVERSTEP_FIELDS(GenerationBroken, job, generation, node, host_failed, port_taken, checkpoint_gone, moved, hung, avoid_node,
                ends, grace, cause, refusal, noticed, why)

// No process of this generation runs on the host any more, or none can have an effect: reported empty, another boot,
// fenced, silent past the fence time, or an operator's word.
struct HostReleased {
  static constexpr std::string_view kName = "host_released";
  JobId job{};
  Generation generation{};
  NodeId node{};
  std::vector<RankEnd> ends{};
  std::optional<std::uint64_t> step{};  // the newest that its ranks told of
  std::string why{};
};
EVERSTEP_FIELDS(HostReleased, job, generation, node, ends, step, why)

// A drill, for the record: what comes of it is told apart from a failure.
struct FaultInjected {
  static constexpr std::string_view kName = "fault_injected";
  JobId job{};
  Generation generation{};
  NodeId node{};
  std::uint32_t rank = 0;
  FaultKind kind = FaultKind::rank_kill;
  Duration lasts{0};
  std::string by{};
  std::string why{};
};
EVERSTEP_FIELDS(FaultInjected, job, generation, node, rank, kind, lasts, by, why)
// The host has not done it.
struct DrillNotDone {
  static constexpr std::string_view kName = "drill_not_done";
  JobId job{};
  Generation generation{};
  NodeId node{};
  std::string why{};
};
EVERSTEP_FIELDS(DrillNotDone, job, generation, node, why)
// A drill on the launcher itself.
struct LauncherKilled {
  static constexpr std::string_view kName = "launcher_killed";
  std::string why{};
};
EVERSTEP_FIELDS(LauncherKilled, why)

// Why a failure came to be, once all is known: counted against budget and progress.
struct FailureJudged {
  static constexpr std::string_view kName = "failure_judged";
  JobId job{};
  Generation generation{};
  NodeId node{};            // the culprit's; empty: unknown
  bool code = false;        // the code's own or unknown: spends the patience of `no_progress`
  bool port_taken = false;  // MASTER_PORT was not free: another one, not a failure
  bool progressed = false;  // a newer checkpoint or step than at the last failure
  std::optional<std::uint64_t> progress{};
  std::string signature{};
  std::uint32_t exit_code = 1;  // what the job would end with
  bool avoid_node = false;      // do not give `node` to this job again
  std::string give_up{};        // why the job is not restarted; empty: it may be
  std::string cause{};          // the culprit in one sentence
  Blame blame{};
  std::string why{};
};
EVERSTEP_FIELDS(FailureJudged, job, generation, node, code, port_taken, progressed, progress, signature, exit_code, avoid_node,
                give_up, cause, blame, why)

// No other host is to be had, and the failure was long ago: the host may be given to the job again.
struct HostForgiven {
  static constexpr std::string_view kName = "host_forgiven";
  JobId job{};
  NodeId node{};
  std::string why{};
};
EVERSTEP_FIELDS(HostForgiven, job, node, why)

// Cannot go on now; will when hosts allow.
struct JobWaits {
  static constexpr std::string_view kName = "job_waits";
  JobId job{};
  std::string why{};
  bool pauses = false;  // it broke too often right after its start: for a time, not for a host
};
EVERSTEP_FIELDS(JobWaits, job, why, pauses)

struct SpareAssigned {
  static constexpr std::string_view kName = "spare_assigned";
  JobId job{};
  NodeId node{};
  std::string why{};
};
EVERSTEP_FIELDS(SpareAssigned, job, node, why)
struct SpareReleased {
  static constexpr std::string_view kName = "spare_released";
  JobId job{};
  NodeId node{};
  std::string why{};
};
EVERSTEP_FIELDS(SpareReleased, job, node, why)

struct CheckpointRegistered {
  static constexpr std::string_view kName = "checkpoint_registered";
  JobId job{};
  CheckpointId id{};
  CheckpointSeen seen{};
  std::string why{};
};
EVERSTEP_FIELDS(CheckpointRegistered, job, id, seen, why)

// Known, not offered for resume.
struct CheckpointNoted {
  static constexpr std::string_view kName = "checkpoint_noted";
  JobId job{};
  CheckpointId id{};
  CheckpointSeen seen{};
  std::string why{};
};
EVERSTEP_FIELDS(CheckpointNoted, job, id, seen, why)
// Was registered, failed its check before a resume: not offered again.
struct CheckpointWithdrawn {
  static constexpr std::string_view kName = "checkpoint_withdrawn";
  JobId job{};
  CheckpointId id{};
  std::string why{};
};
EVERSTEP_FIELDS(CheckpointWithdrawn, job, id, why)

// The end is decided; ranks that still run are stopped.
struct JobStopping {
  static constexpr std::string_view kName = "job_stopping";
  JobId job{};
  JobPhase outcome = JobPhase::failed;  // done, failed or cancelled
  std::uint32_t exit_code = 0;
  Duration grace{0};
  std::string why{};
  Blame blame{};  // unless it is done
};
EVERSTEP_FIELDS(JobStopping, job, outcome, exit_code, grace, why, blame)
struct JobEnded {
  static constexpr std::string_view kName = "job_ended";
  JobId job{};
  JobPhase outcome = JobPhase::failed;
  std::uint32_t exit_code = 0;
  std::string why{};
};
EVERSTEP_FIELDS(JobEnded, job, outcome, exit_code, why)

using Fact =
    std::variant<LauncherStarted, LauncherHalted, NodeJoined, NodeSuspected, NodeTrusted, NodeLost, EvictionHeld, NodeDrained,
                 NodeUndrained, FenceStarted, FenceEnded, JobSubmitted, GenerationPlanned, GenerationStarted, PreflightEnded,
                 GenerationBroken, FaultInjected, DrillNotDone, LauncherKilled, HostReleased, FailureJudged, HostForgiven,
                 JobWaits, SpareAssigned, SpareReleased, CheckpointRegistered, CheckpointNoted, CheckpointWithdrawn,
                 JobStopping, JobEnded, AlarmRaised, AlarmOver, AlarmsCleared, NodeQuarantined, QuarantineOver, RemedyStarted,
                 RemedyEnded, FabricMeasured, HostsChecked, GpusSeen, OffencesTakenBack, OffencesFaded, HostHeldBack>;
using Facts = std::vector<Fact>;

// A fact with the time it was decided.
struct Entry {
  Time at{};        // log time
  WallTime wall{};  // for display
  Fact fact{};
};
EVERSTEP_FIELDS(Entry, at, wall, fact)

const std::string& WhyOf(const Fact& fact);
std::string_view KindOf(const Fact& fact);
JobId JobOf(const Fact& fact);    // empty: not about one job
NodeId NodeOf(const Fact& fact);  // empty: not about one host

// Folds one entry into the state. Total: every fact is legal in every state (one about an unknown job or host changes nothing).
// Frozen per store version: a changed meaning is a new fact.
void Apply(State& state, const Entry& entry);

}  // namespace everstep
