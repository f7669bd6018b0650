// What a person (through the CLI or the page) may ask of the launcher, and the views that answer. The same structs are rendered
// by every table, JSON output and page; proto/everstep/v1/control.proto has the same shapes for the wire.
//
// Requests reach the loop as inputs with a token, replies go out with that token (launcher/daemon/loop.h). Logs do not pass
// through here: they have a channel of their own (launcher/rpc/logs.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/fields.h"
#include "base/host_checks.h"
#include "base/ids.h"
#include "base/job_spec.h"
#include "base/messages.h"
#include "base/time.h"

namespace everstep {

// queued → preparing → running → (recovering → preparing …) → done | failed | cancelled; stopping: the end is decided, ranks
// still run.
EVERSTEP_ENUM(JobPhase, queued, preparing, running, recovering, stopping, done, failed, cancelled)

constexpr bool Ended(JobPhase phase) { return phase >= JobPhase::done; }

// ready: may be given work. suspect: silent for longer than it should. lost: evicted. away: left in order, or not seen since
// the launcher started. draining: an operator has taken it out of work, what it has goes on to its end. drained: it has none.
// quarantined: its own checks have taken it out of work.
EVERSTEP_ENUM(NodePhase, ready, suspect, lost, away, draining, drained, quarantined)

// What a failure is to blame on.
//   code        the program: an exception, a crash                  data        what it reads
//   user        how it was called: argv, workdir, environment       host        its host: lost, rebooted, missing something
//   gpu         an accelerator                                      oom         memory of the host or of an accelerator
//   fabric      the network between the ranks                       storage     a disk or a file system
//   capacity    no host to run on                                   preemption  somebody took the host away
EVERSTEP_ENUM(BlameClass, code, data, user, host, gpu, oom, fabric, storage, capacity, preemption, unknown)

// open: the job has not started again, and has not ended.
EVERSTEP_ENUM(IncidentOutcome, open, restarted, ended)

// ---- views ---------------------------------------------------------------------------------------------------------------

struct RankView {
  std::uint32_t rank = 0;
  NodeId node{};
  std::int64_t pid = 0;
  std::string state{};  // "running", "exited 1", "SIGKILL (oom)"
  friend bool operator==(const RankView&, const RankView&) = default;
};
EVERSTEP_FIELDS(RankView, rank, node, pid, state)

struct HostView {
  NodeId node{};
  std::string address{};  // of its agent
  std::uint32_t node_rank = 0;
  std::uint32_t first_rank = 0;
  std::uint32_t ranks = 0;
  friend bool operator==(const HostView&, const HostView&) = default;
};
EVERSTEP_FIELDS(HostView, node, address, node_rank, first_rank, ranks)

struct CheckpointView {
  std::string id{};
  std::optional<std::uint64_t> step{};
  std::string path{};
  Generation generation{};
  WallTime registered_at{};
  std::string why{};  // how it was verified
  friend bool operator==(const CheckpointView&, const CheckpointView&) = default;
};
EVERSTEP_FIELDS(CheckpointView, id, step, path, generation, registered_at, why)

// A generation that broke, or a job that ended otherwise than well: who was to blame, what it cost, how it went on. What is
// not known is absent.
struct IncidentView {
  JobId job{};
  std::uint32_t number = 0;  // in its job, from 1
  Generation generation{};   // that broke
  WallTime at{};             // when that was decided
  IncidentOutcome outcome = IncidentOutcome::open;
  BlameClass blame = BlameClass::unknown;
  std::string cause{};  // one sentence: "rank 1 on n2 was killed by SIGKILL"
  std::string means{};  // what is known about failures like this one, and what to do about them; may be empty
  NodeId node{};        // empty: not known
  std::optional<std::uint32_t> rank{};
  std::optional<std::uint32_t> code{};    // it exited with
  std::optional<std::uint32_t> signal{};  // it was killed by
  std::optional<std::uint64_t> step{};    // the newest that was reached
  std::optional<std::uint64_t> steps_lost{};
  std::string checkpoint{};  // id of the one that the next generation resumes from; empty: from the start, or there is none
  // The way to the next generation; the parts add up to `lost`.
  std::optional<Duration> noticing{};   // first sign of trouble → decided that the generation is broken
  std::optional<Duration> stopping{};   // → certain that nothing of it runs any more
  std::optional<Duration> placing{};    // → hosts found for the next one
  std::optional<Duration> preparing{};  // → all of them ready, start ordered
  std::optional<Duration> lost{};
  std::string next{};  // what was decided then: the sentence of the restart or of the end; empty: nothing yet
  std::string logs{};  // the command that shows what the culprit wrote, or all ranks where there is none
  friend bool operator==(const IncidentView&, const IncidentView&) = default;
};
EVERSTEP_FIELDS(IncidentView, job, number, generation, at, outcome, blame, cause, means, node, rank, code, signal, step,
                steps_lost, checkpoint, noticing, stopping, placing, preparing, lost, next, logs)

// What the ranks of the current generation say of themselves (base/messages.h, Progress).
struct ProgressView {
  std::uint64_t step = 0;
  std::optional<std::uint64_t> steps_total{};
  std::optional<Duration> step_time{};
  std::optional<Duration> eta{};  // until steps_total at this pace; set iff both are known
  std::optional<std::string> loss{};
  friend bool operator==(const ProgressView&, const ProgressView&) = default;
};
EVERSTEP_FIELDS(ProgressView, step, steps_total, step_time, eta, loss)

// Where the time of a job's hosts went, in milliseconds times hosts: what each of them was held for, once. Told of a job that
// has been placed.
struct LedgerView {
  std::uint64_t useful = 0;    // its ranks ran, and a registered checkpoint has what they did, or the job is done
  std::uint64_t unsaved = 0;   // they ran since: it will be useful, or lost
  std::uint64_t lost = 0;      // they ran, and it had to be done again, or the job has ended without it
  std::uint64_t noticing = 0;  // from the first sign of a failure until it was known
  std::uint64_t standing = 0;  // hosts were held, and no ranks ran that count: starts, stops, restarts
  std::uint64_t spare = 0;     // of spare hosts
  friend bool operator==(const LedgerView&, const LedgerView&) = default;
};
EVERSTEP_FIELDS(LedgerView, useful, unsaved, lost, noticing, standing, spare)

struct JobView {
  JobId id{};
  std::string name{};
  JobPhase phase = JobPhase::queued;
  std::string why{};                              // one sentence: why it is in this phase
  std::optional<std::uint32_t> queue_position{};  // 1: next
  std::uint32_t priority = 0;
  std::uint32_t nodes = 0;
  std::uint32_t spares = 0;
  std::uint32_t world_size = 0;   // 0: not placed yet
  Generation generation{};        // 0: never placed
  std::vector<HostView> hosts{};  // of the current generation, by node rank
  std::vector<NodeId> spare_hosts{};
  std::vector<RankView> ranks{};
  std::uint32_t restarts = 0;  // within the budget's window
  std::uint32_t restarts_max = 0;
  std::optional<std::uint64_t> step{};         // newest heard of: told by the ranks, else of the checkpoint
  std::optional<CheckpointView> checkpoint{};  // that a restart would resume from
  std::optional<std::uint32_t> exit_code{};    // of the job, once ended: 0, the culprit's code, or 128 + signal
  WallTime submitted_at{};
  std::optional<WallTime> started_at{};  // first ranks
  std::optional<WallTime> ended_at{};
  std::vector<std::string> command{};
  std::optional<IncidentView> incident{};  // the newest
  std::string next{};                      // the command to type next
  std::optional<ProgressView> progress{};  // nullopt: they have not told of a step yet
  std::optional<Duration> time_left{};     // of its time_limit; nullopt: it has none, or has not started
  std::optional<LedgerView> ledger{};
  bool preflight = false;  // what is prepared or runs is the check of its hosts, not yet the command
  friend bool operator==(const JobView&, const JobView&) = default;
};
EVERSTEP_FIELDS(JobView, id, name, phase, why, queue_position, priority, nodes, spares, world_size, generation, hosts,
                spare_hosts, ranks, restarts, restarts_max, step, checkpoint, exit_code, submitted_at, started_at, ended_at,
                command, incident, next, progress, time_left, ledger, preflight)

struct DrainView {
  std::string by{};  // user@host; empty: unknown
  std::string reason{};
  WallTime since{};
  friend bool operator==(const DrainView&, const DrainView&) = default;
};
EVERSTEP_FIELDS(DrainView, by, reason, since)

// What the last preflight said of the host's network.
struct FabricView {
  bool passed = false;
  Duration age{0};
  std::string why{};
  friend bool operator==(const FabricView&, const FabricView&) = default;
};
EVERSTEP_FIELDS(FabricView, passed, age, why)

// An alarm that stands.
struct AlarmView {
  std::string check{};
  std::string scope{};
  bool fail = false;
  HealthAction action = HealthAction::note;
  WallTime since{};
  std::string why{};
  std::string evidence{};
  std::string remedy{};
  bool cleared = false;  // by a person
  friend bool operator==(const AlarmView&, const AlarmView&) = default;
};
EVERSTEP_FIELDS(AlarmView, check, scope, fail, action, since, why, evidence, remedy, cleared)

// What the host's monitor says, and what has come of it.
struct HealthView {
  bool watched = false;
  std::string unwatched{};  // why not
  std::uint32_t judged = 0;
  std::uint32_t failing = 0;
  std::uint32_t warning = 0;
  std::uint32_t unknown = 0;
  std::vector<AlarmView> alarms{};
  std::string offences{};  // "score 3.8, kept away from 3.0 on: …"; empty: none is known
  friend bool operator==(const HealthView&, const HealthView&) = default;
};
EVERSTEP_FIELDS(HealthView, watched, unwatched, judged, failing, warning, unknown, alarms, offences)

struct NodeView {
  NodeId node{};
  NodePhase phase = NodePhase::ready;
  std::string why{};
  std::optional<JobId> job{};
  std::string role{};  // "rank 0-3", "spare", "leaving" or empty
  std::string address{};
  std::uint32_t accelerators = 0;
  std::optional<Duration> silent_for{};  // since the last beat; nullopt: never heard of by this launcher
  BootId boot{};
  std::string version{};
  std::optional<DrainView> drain{};  // also while it is suspect, lost or away
  std::optional<FabricView> fabric{};
  std::optional<HealthView> health{};  // nullopt: nobody watches it, and nothing is known
  std::string why_not{};               // for the job that was asked about; empty: it could be given to it now
  friend bool operator==(const NodeView&, const NodeView&) = default;
};
EVERSTEP_FIELDS(NodeView, node, phase, why, job, role, address, accelerators, silent_for, boot, version, drain, fabric, health,
                why_not)

struct EventView {
  LogIndex index{};
  WallTime at{};
  JobId job{};
  NodeId node{};
  std::string kind{};
  std::string why{};
  friend bool operator==(const EventView&, const EventView&) = default;
};
EVERSTEP_FIELDS(EventView, index, at, job, node, kind, why)

// ---- requests and replies ------------------------------------------------------------------------------------------------

struct SubmitJob {
  static constexpr std::string_view kName = "submit_job";
  JobSpec spec{};
  std::string request_id{};  // made by the client: a repeated submit with the same id gives the same job
};
EVERSTEP_FIELDS(SubmitJob, spec, request_id)
struct CancelJob {
  static constexpr std::string_view kName = "cancel_job";
  JobId job{};
  bool now = false;  // SIGKILL without grace
  std::string by{};  // user@host, for the record
};
EVERSTEP_FIELDS(CancelJob, job, now, by)
struct GetJob {
  static constexpr std::string_view kName = "get_job";
  JobId job{};         // or a job's name: see FindJob (requests.h)
  bool watch = false;  // a reply now and after every change, until the job has ended
};
EVERSTEP_FIELDS(GetJob, job, watch)
struct ListJobs {
  static constexpr std::string_view kName = "list_jobs";
  bool ended = false;  // also those that have ended
  std::uint32_t rows_max = 1000;
};
EVERSTEP_FIELDS(ListJobs, ended, rows_max)
struct ExplainJob {
  static constexpr std::string_view kName = "explain_job";
  JobId job{};
};
EVERSTEP_FIELDS(ExplainJob, job)
struct ListNodes {
  static constexpr std::string_view kName = "list_nodes";
  JobId why_not{};  // or a job's name: each view says why the host cannot be given to it; empty: none is asked about
};
EVERSTEP_FIELDS(ListNodes, why_not)
struct GetNode {
  static constexpr std::string_view kName = "get_node";
  NodeId node{};
};
EVERSTEP_FIELDS(GetNode, node)
struct ConfirmDead {
  static constexpr std::string_view kName = "confirm_dead";
  NodeId node{};
  std::string by{};
};
EVERSTEP_FIELDS(ConfirmDead, node, by)
// Takes a host out of work: it gets nothing new, what it has goes on to its end. Only an operator undoes it.
struct DrainNode {
  static constexpr std::string_view kName = "drain_node";
  NodeId node{};
  std::string reason{};  // for people; may be empty
  std::string by{};      // user@host, for the record
  bool now = false;      // what it has moves to another host at once: a restart that costs no budget
};
EVERSTEP_FIELDS(DrainNode, node, reason, by, now)
struct UndrainNode {
  static constexpr std::string_view kName = "undrain_node";
  NodeId node{};
  std::string by{};
};
EVERSTEP_FIELDS(UndrainNode, node, by)
// A person has looked at alarms of a host: they count no more, nor a quarantine or offences that came of them.
struct ClearNode {
  static constexpr std::string_view kName = "clear_node";
  NodeId node{};
  std::string check{};  // empty: all
  std::string note{};   // for whoever asks later; may be empty
  std::string by{};     // user@host, for the record
};
EVERSTEP_FIELDS(ClearNode, node, check, note, by)
// A drill: the fault is brought about on the host of this rank. The job must run, in this generation.
struct InjectFault {
  static constexpr std::string_view kName = "inject_fault";
  JobId job{};
  Generation generation{};
  FaultKind kind = FaultKind::rank_kill;
  std::uint32_t rank = 0;
  Duration lasts{0};     // of kinds that last: more than 0
  std::string by{};      // user@host, for the record
  bool dry_run = false;  // only say whether it could be done, and what would be
};
EVERSTEP_FIELDS(InjectFault, job, generation, kind, rank, lasts, by, dry_run)
// A drill: the launcher kills itself by SIGKILL. No reply comes.
struct KillLauncher {
  static constexpr std::string_view kName = "kill_launcher";
  std::string by{};
};
EVERSTEP_FIELDS(KillLauncher, by)
struct ListIncidents {
  static constexpr std::string_view kName = "list_incidents";
  JobId job{};                    // or a name; empty: any
  NodeId node{};                  // to blame; empty: any
  std::uint32_t rows_max = 1000;  // the newest
};
EVERSTEP_FIELDS(ListIncidents, job, node, rows_max)
struct ListEvents {
  static constexpr std::string_view kName = "list_events";
  JobId job{};    // empty: any
  NodeId node{};  // empty: any
  LogIndex after{};
  std::uint32_t rows_max = 1000;
  bool follow = false;  // go on with new ones
};
EVERSTEP_FIELDS(ListEvents, job, node, after, rows_max, follow)
struct GetInfo {
  static constexpr std::string_view kName = "get_info";
};
EVERSTEP_FIELDS(GetInfo)

using ApiRequest = std::variant<SubmitJob, CancelJob, GetJob, ListJobs, ExplainJob, ListNodes, GetNode, ConfirmDead, DrainNode,
                                UndrainNode, ClearNode, InjectFault, KillLauncher, ListIncidents, ListEvents, GetInfo>;

struct Submitted {
  static constexpr std::string_view kName = "submitted";
  JobId job{};
  std::string why{};  // what happens next: "queued: needs 3 hosts, 2 are free"
};
EVERSTEP_FIELDS(Submitted, job, why)
struct Accepted {
  static constexpr std::string_view kName = "accepted";
  std::string why{};
};
EVERSTEP_FIELDS(Accepted, why)
struct JobReply {
  static constexpr std::string_view kName = "job";
  JobView job{};
};
EVERSTEP_FIELDS(JobReply, job)
struct JobsReply {
  static constexpr std::string_view kName = "jobs";
  std::vector<JobView> jobs{};
};
EVERSTEP_FIELDS(JobsReply, jobs)
// Paragraphs for people, most important first: state and why, hosts not chosen and why each, checkpoints not offered and why.
struct Explanation {
  static constexpr std::string_view kName = "explanation";
  JobView job{};
  std::vector<std::string> sentences{};
};
EVERSTEP_FIELDS(Explanation, job, sentences)
struct NodesReply {
  static constexpr std::string_view kName = "nodes";
  std::vector<NodeView> nodes{};
  std::vector<HostCheck> checks{};  // of GetNode: those of the host that the launcher itself can tell
};
EVERSTEP_FIELDS(NodesReply, nodes, checks)
struct IncidentsReply {  // oldest first
  static constexpr std::string_view kName = "incidents";
  std::vector<IncidentView> incidents{};
};
EVERSTEP_FIELDS(IncidentsReply, incidents)
struct EventsReply {
  static constexpr std::string_view kName = "events";
  std::vector<EventView> events{};
};
EVERSTEP_FIELDS(EventsReply, events)
struct InfoReply {
  static constexpr std::string_view kName = "info";
  std::string version{};
  std::string cluster{};
  Epoch epoch{};
  LogIndex index{};
  std::uint32_t nodes = 0;
  std::uint32_t nodes_ready = 0;
};
EVERSTEP_FIELDS(InfoReply, version, cluster, epoch, index, nodes, nodes_ready)

using ApiReply =
    std::variant<Submitted, Accepted, JobReply, JobsReply, Explanation, NodesReply, IncidentsReply, EventsReply, InfoReply>;

}  // namespace everstep
