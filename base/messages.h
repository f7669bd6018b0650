// What launcher and agents say to each other, as plain structs. proto/everstep/v1 has the same shapes for the wire; the keeper
// and the log use the parts they need. Level-triggered: an agent reports its whole state, the launcher compares it with what it
// wants and sends commands, which name (epoch, job, generation) and change nothing when applied twice or late.
//
// Limits on all that comes from outside stand at the end (limit::).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/fields.h"
#include "base/host_health.h"
#include "base/ids.h"
#include "base/job_spec.h"
#include "base/time.h"

namespace everstep {

// ---- what is true on a host ----------------------------------------------------------------------------------------------

// How a rank ended. Exactly one of code and signal is set.
struct RankExit {
  std::optional<std::uint32_t> code{};
  std::optional<std::uint32_t> signal{};
  bool oom_kill = false;       // killed by the kernel's out-of-memory killer
  bool stopped_by_us = false;  // after our SIGTERM or SIGKILL (stop, fence): a victim, never a cause
  Time at{};                   // the host's boot clock
  std::string tail{};          // the last lines of stderr, at most limit::kTailBytes; after exit code 0 figures only
  std::string kernel{};        // after a signal: what the kernel's log said since the gang started, at most limit::kKernelBytes
  friend bool operator==(const RankExit&, const RankExit&) = default;
};
EVERSTEP_FIELDS(RankExit, code, signal, oom_kill, stopped_by_us, at, tail, kernel)

struct RankStatus {
  std::uint32_t rank = 0;
  std::int64_t pid = 0;            // 0: not started
  std::optional<RankExit> exit{};  // nullopt: not ended
  friend bool operator==(const RankStatus&, const RankStatus&) = default;
};
EVERSTEP_FIELDS(RankStatus, rank, pid, exit)

// A gang on one host.
//   preparing  keeper coming up, checks under way
//   prepared   everything that start needs is there: keeper, workdir, argv[0], port, the checkpoint to resume from
//   refused    cannot be prepared here: `refusal` and `why` say so; nothing runs
//   running    ranks started; some may have exited
//   stopping   SIGTERM or SIGKILL sent, processes left
//   empty      no process left (seen to be gone), exit records final
EVERSTEP_ENUM(GangPhase, preparing, prepared, refused, running, stopping, empty)

// Why a host refused to prepare.
//   host        this host cannot (workdir or argv[0] missing, limits, keeper failed): another may
//   spec        no host can (the command line is broken)
//   port        MASTER_PORT is taken: choose another
//   checkpoint  the checkpoint to resume from is not here as registered: choose an older one
//   leftovers   processes of an older gang cannot be killed
EVERSTEP_ENUM(Refusal, host, spec, port, checkpoint, leftovers)

// How far ranks have come, by their own words: what they print, or write to $EVERSTEP_PROGRESS.
struct Progress {
  std::uint64_t step = 0;  // as the script counts; the newest it told of
  std::optional<std::uint64_t> steps_total{};
  std::optional<Duration> step_time{};  // of one step, over the last half minute or so
  std::optional<std::string> loss{};    // as the script wrote it: "2.31", "nan"; at most limit::kLossBytes
  friend bool operator==(const Progress&, const Progress&) = default;
};
EVERSTEP_FIELDS(Progress, step, steps_total, step_time, loss)

struct GangStatus {
  JobId job{};
  Generation generation{};
  GangPhase phase = GangPhase::preparing;
  std::optional<Refusal> refusal{};
  std::string why{};                   // one sentence about the phase; may be empty
  bool fenced = false;                 // killed by its keeper's fence timer
  std::vector<RankStatus> ranks{};     // by rank; empty before start
  std::optional<Progress> progress{};  // of its first rank that tells of steps
  std::string checkpoint_dir_id{};     // equal on hosts that see the same checkpoint directory; empty: not known
  friend bool operator==(const GangStatus&, const GangStatus&) = default;
};
EVERSTEP_FIELDS(GangStatus, job, generation, phase, refusal, why, fenced, ranks, progress, checkpoint_dir_id)

struct CheckpointFile {
  std::string name{};  // relative to the checkpoint's path; empty: the path is the file
  std::uint64_t size = 0;
  std::uint64_t inode = 0;
  std::int64_t mtime_ns = 0;  // as the file system says; compared only for equality
  std::string digest{};       // XXH3-128 of the first and last 64 KiB, hex
  friend bool operator==(const CheckpointFile&, const CheckpointFile&) = default;
};
EVERSTEP_FIELDS(CheckpointFile, name, size, inode, mtime_ns, digest)

// A checkpoint found in a job's checkpoint directory by the agent that watches it (the host of node rank 0).
struct CheckpointSeen {
  JobId job{};
  Generation generation{};              // that ran while it was written
  std::string source{};                 // as the script named it, relative to the checkpoint dir: "step-40.pt"
  std::optional<std::uint64_t> step{};  // read from the name
  bool complete = false;                // verified, and pinned under `path`
  std::string path{};                   // absolute; where it may be resumed from; not complete: what is lost there, if any
  std::vector<CheckpointFile> files{};  // of `path`; empty unless complete
  std::string why{};                    // "zip with 42 records, CRCs match" or why it is not offered
  bool was_there = false;  // finished before `generation` started: known, but of another history than the one that runs
  friend bool operator==(const CheckpointSeen&, const CheckpointSeen&) = default;
};
EVERSTEP_FIELDS(CheckpointSeen, job, generation, source, step, complete, path, files, why, was_there)

// ---- agent → launcher ----------------------------------------------------------------------------------------------------

// Everything a launcher needs to know about a host. Sent whole on every change, resent until acknowledged.
struct Report {
  static constexpr std::string_view kName = "report";
  Sequence seq{};
  std::vector<GangStatus> gangs{};            // until forgotten by command
  std::vector<CheckpointSeen> checkpoints{};  // not acknowledged yet
  HostHealth health{};
  friend bool operator==(const Report&, const Report&) = default;
};
EVERSTEP_FIELDS(Report, seq, gangs, checkpoints, health)

// A sign of life; at most 64 bytes on the wire.
struct Beat {
  static constexpr std::string_view kName = "beat";
  Sequence seq{};
  Incarnation incarnation{};
  Time sent{};                   // the agent's boot clock, echoed by the acknowledgement
  std::uint64_t state_hash = 0;  // of the last report (HashOf); differs from the launcher's: it asks for a report
  // TagOf(Hello::state_id, Hello::boot): the beat of another agent of the same name, or of its host's next life, is no sign of
  // life of this one.
  std::uint64_t agent = 0;
  friend bool operator==(const Beat&, const Beat&) = default;
};
EVERSTEP_FIELDS(Beat, seq, incarnation, sent, state_hash, agent)

// The first message of a session.
struct Hello {
  static constexpr std::string_view kName = "hello";
  std::uint32_t protocol = 0;  // limit::kProtocol
  std::string version{};       // of the agent program, for people
  NodeId node{};
  BootId boot{};
  std::string state_id{};  // of its state directory: tells its agent's next life from a second agent of the same name
  Incarnation incarnation{};
  std::string address{};      // host:port where peers and the launcher reach this agent
  std::string job_address{};  // host only: MASTER_ADDR when rank 0 runs here
  std::uint32_t accelerators = 0;
  Epoch epoch_seen{};     // the highest it ever obeyed; a launcher of a lower epoch steps down
  LogIndex index_seen{};  // the highest it was ever told; beyond the log's end: the log lost its tail
  Report report{};
  friend bool operator==(const Hello&, const Hello&) = default;
};
EVERSTEP_FIELDS(Hello, protocol, version, node, boot, state_id, incarnation, address, job_address, accelerators, epoch_seen,
                index_seen, report)

// What a peer found when it was asked to look at a suspect.
//   alive       the suspect answered itself: `beat` is its own and fresh
//   agent_down  the host refused the connection: kernel up, agent not
//   nothing     no answer at all before the deadline
EVERSTEP_ENUM(PeerFinding, alive, agent_down, nothing)

struct PeerAnswer {
  static constexpr std::string_view kName = "peer_answer";
  std::uint64_t nonce = 0;  // of the question
  NodeId suspect{};
  PeerFinding finding = PeerFinding::nothing;
  std::optional<Beat> beat{};  // set iff alive
  std::string evidence{};      // "connection refused by 10.0.0.7:7470", for people
  friend bool operator==(const PeerAnswer&, const PeerAnswer&) = default;
};
EVERSTEP_FIELDS(PeerAnswer, nonce, suspect, finding, beat, evidence)

// A drill that this host was told to do and has not done (Inject).
struct DrillRefused {
  static constexpr std::string_view kName = "drill_refused";
  JobId job{};
  Generation generation{};
  std::string why{};
  friend bool operator==(const DrillRefused&, const DrillRefused&) = default;
};
EVERSTEP_FIELDS(DrillRefused, job, generation, why)

using FromAgent = std::variant<Hello, Beat, Report, PeerAnswer, DrillRefused>;

// ---- launcher → agent ----------------------------------------------------------------------------------------------------

struct Peer {
  NodeId node{};
  std::string address{};
  friend bool operator==(const Peer&, const Peer&) = default;
};
EVERSTEP_FIELDS(Peer, node, address)

// The answer to Hello. Sent again when membership or policy change.
struct Welcome {
  static constexpr std::string_view kName = "welcome";
  Epoch epoch{};
  LogIndex index{};  // durable
  Duration beat_every{0};
  Duration fence_after{0};  // F: without an acknowledged beat for this long, and without a majority: kill
  // Version of `peers`. 0: they are not told here, those told before stand. A host that has no gang to keep alive without a
  // launcher has nobody to ask: it gets them with the first prepare.
  std::uint64_t membership = 0;
  std::vector<Peer> peers{};  // all members, this host too
  friend bool operator==(const Welcome&, const Welcome&) = default;
};
EVERSTEP_FIELDS(Welcome, epoch, index, beat_every, fence_after, membership, peers)

// The answer to Hello when it is not let in; the launcher then closes the stream.
struct Rejected {
  static constexpr std::string_view kName = "rejected";
  std::string why{};
  bool final = false;  // trying again as it is makes no sense: the agent process ends
  friend bool operator==(const Rejected&, const Rejected&) = default;
};
EVERSTEP_FIELDS(Rejected, why, final)

struct BeatAck {
  static constexpr std::string_view kName = "beat_ack";
  Epoch epoch{};
  Sequence seq{};
  Time sent{};                     // echo of Beat::sent
  LogIndex index{};                // durable
  bool report_wanted = false;      // the hash differs
  std::optional<WallTime> wall{};  // of the launcher, between `sent` and the receipt; nullopt: an older one does not say
  friend bool operator==(const BeatAck&, const BeatAck&) = default;
};
EVERSTEP_FIELDS(BeatAck, epoch, seq, sent, index, report_wanted, wall)

// All that was said up to report `seq` is durable where it mattered; checkpoints reported up to it need not be repeated.
struct ReportAck {
  static constexpr std::string_view kName = "report_ack";
  Epoch epoch{};
  Sequence seq{};
  LogIndex index{};
  std::vector<std::string> registered{};  // CheckpointSeen::path of those in the report that may be resumed from
  friend bool operator==(const ReportAck&, const ReportAck&) = default;
};
EVERSTEP_FIELDS(ReportAck, epoch, seq, index, registered)

// A gang as one host has to run it.
struct GangSpec {
  JobId job{};
  Generation generation{};
  std::vector<std::string> command{};  // resume_args already appended; {rank} and {local_rank} still to be replaced
  std::string workdir{};
  std::map<std::string, std::string> env{};
  std::vector<std::string> env_from{};
  std::uint32_t first_rank = 0;  // this host has ranks [first_rank, first_rank + local_world_size)
  std::uint32_t local_world_size = 1;
  std::uint32_t world_size = 1;
  std::uint32_t node_rank = 0;   // GROUP_RANK
  std::uint32_t node_count = 1;  // GROUP_WORLD_SIZE
  std::string master_address{};  // of node rank 0; empty: this host says what it is reached by
  std::uint32_t master_port = 0;
  std::uint32_t restart_count = 0;
  std::uint32_t restarts_max = 0;
  std::optional<CheckpointSpec> checkpoint{};
  bool watches_checkpoints = false;        // this host looks for new ones and reports them
  std::optional<CheckpointSeen> resume{};  // must be here exactly as described, else Refusal::checkpoint
  ProgressSpec progress{};
  std::vector<std::string> warm{};  // RestartSpec::warm
  friend bool operator==(const GangSpec&, const GangSpec&) = default;
};
EVERSTEP_FIELDS(GangSpec, job, generation, command, workdir, env, env_from, first_rank, local_world_size, world_size, node_rank,
                node_count, master_address, master_port, restart_count, restarts_max, checkpoint, watches_checkpoints, resume,
                progress, warm)

struct Prepare {
  static constexpr std::string_view kName = "prepare";
  Epoch epoch{};
  CommandId id{};
  GangSpec gang{};
  friend bool operator==(const Prepare&, const Prepare&) = default;
};
EVERSTEP_FIELDS(Prepare, epoch, id, gang)

struct Start {
  static constexpr std::string_view kName = "start";
  Epoch epoch{};
  CommandId id{};
  JobId job{};
  Generation generation{};
  friend bool operator==(const Start&, const Start&) = default;
};
EVERSTEP_FIELDS(Start, epoch, id, job, generation)

// SIGTERM now, SIGKILL to the whole tree after `grace`. A second Stop may only shorten the grace.
struct Stop {
  static constexpr std::string_view kName = "stop";
  Epoch epoch{};
  CommandId id{};
  JobId job{};
  Generation generation{};
  Duration grace{0};
  std::string why{};
  friend bool operator==(const Stop&, const Stop&) = default;
};
EVERSTEP_FIELDS(Stop, epoch, id, job, generation, grace, why)

// The gang is empty or refused and all about it is durable: the agent may drop its records.
struct Forget {
  static constexpr std::string_view kName = "forget";
  Epoch epoch{};
  CommandId id{};
  JobId job{};
  Generation generation{};
  bool for_good = false;  // the job has no more business on this host
  friend bool operator==(const Forget&, const Forget&) = default;
};
EVERSTEP_FIELDS(Forget, epoch, id, job, generation, for_good)

// Please look whether `suspect` lives, over a fresh connection, and answer with PeerAnswer.
struct ProbePeer {
  static constexpr std::string_view kName = "probe_peer";
  Epoch epoch{};
  std::uint64_t nonce = 0;
  NodeId suspect{};
  std::string address{};
  std::optional<Time> acknowledged{};  // Beat::sent of the suspect's newest beat that the launcher has: passed on to it
  friend bool operator==(const ProbePeer&, const ProbePeer&) = default;
};
EVERSTEP_FIELDS(ProbePeer, epoch, nonce, suspect, address, acknowledged)

// What a drill does to a gang on one host, on purpose. Where a time is given, what was stopped goes on after it.
//   rank_kill        SIGKILL to the rank
//   hang             SIGSTOP to the rank, for a time
//   freeze           SIGSTOP to the agent, the keeper and its ranks, for a time: a host that hangs and comes back
//   link_cut         SIGSTOP to the agent alone, for a time: nobody can be reached, the ranks train on
//   host_lost        SIGKILL to the keeper and its ranks, SIGSTOP to the agent, for a time
//   checkpoint_torn  half a checkpoint, newer than all others, appears; then SIGKILL to the rank
EVERSTEP_ENUM(FaultKind, rank_kill, hang, freeze, link_cut, host_lost, checkpoint_torn)

constexpr bool Lasts(FaultKind kind) { return kind != FaultKind::rank_kill && kind != FaultKind::checkpoint_torn; }

// Once, and never again: an agent that cannot do it now answers with DrillRefused.
struct Inject {
  static constexpr std::string_view kName = "inject";
  Epoch epoch{};
  CommandId id{};
  JobId job{};
  Generation generation{};
  FaultKind kind = FaultKind::rank_kill;
  std::uint32_t rank = 0;  // on this host
  Duration lasts{0};       // of kinds that last (Lasts); at most limit::kFaultLasts
  friend bool operator==(const Inject&, const Inject&) = default;
};
EVERSTEP_FIELDS(Inject, epoch, id, job, generation, kind, rank, lasts)

using ToAgent = std::variant<Welcome, Rejected, BeatAck, ReportAck, Prepare, Start, Stop, Forget, ProbePeer, Inject>;

// ---- anyone → agent, over a fresh connection -----------------------------------------------------------------------------

// Asked by the launcher itself, by a peer on its behalf, and by agents that count whom they reach.
struct Ping {
  std::uint64_t nonce = 0;
  NodeId to{};                         // another host answering at this address refuses
  Epoch epoch{};                       // of the launcher behind it; 0: none, an agent counts its peers
  std::optional<Time> acknowledged{};  // relayed acknowledgement: Beat::sent of `to`
  friend bool operator==(const Ping&, const Ping&) = default;
};
EVERSTEP_FIELDS(Ping, nonce, to, epoch, acknowledged)

struct Pong {
  std::uint64_t nonce = 0;
  NodeId node{};
  BootId boot{};
  Beat beat{};  // fresh, its own
  // The answering agent hears no launcher either. Only such an answer counts for an agent that counts whom it reaches: a host
  // that hears the launcher may be about to help it replace the one that asks (agent/core/fence.h).
  bool launcher_silent = false;
  Epoch epoch{};  // the highest it ever obeyed: a launcher of a lower one learns so that it is none any more; 0: not told
  friend bool operator==(const Pong&, const Pong&) = default;
};
EVERSTEP_FIELDS(Pong, nonce, node, boot, beat, launcher_silent, epoch)

// ---- limits --------------------------------------------------------------------------------------------------------------

namespace limit {
inline constexpr std::uint32_t kProtocol = 2;
inline constexpr std::size_t kMessageBytes = 4u << 20;  // any message
inline constexpr std::size_t kTailBytes = 4u << 10;     // RankExit::tail
inline constexpr std::size_t kKernelBytes = 1u << 10;   // RankExit::kernel
inline constexpr std::size_t kWhyBytes = 1u << 10;      // any `why`, evidence or version
inline constexpr Duration kFaultLasts = 10min;          // Inject::lasts
inline constexpr std::size_t kLossBytes = 24;           // Progress::loss
inline constexpr std::size_t kPatternBytes = 1u << 10;  // ProgressSpec::step
inline constexpr std::size_t kPathBytes = 4095;
inline constexpr std::size_t kNameBytes = 63;
inline constexpr std::size_t kArguments = 4096;            // entries of a command line
inline constexpr std::size_t kArgumentBytes = 128u << 10;  // one argument or NAME=value: the kernel's MAX_ARG_STRLEN
inline constexpr std::size_t kCommandBytes = 1u << 20;     // all arguments and environment together
inline constexpr std::size_t kRanksPerHost = 1024;
inline constexpr std::size_t kHostsPerJob = 16384;
inline constexpr std::size_t kGangsPerHost = 256;       // in one report
inline constexpr std::size_t kCheckpointFiles = 65536;  // of one checkpoint
inline constexpr std::size_t kCheckpointsPerReport = 64;
inline constexpr std::size_t kAlarmsPerHost = 64;
inline constexpr std::size_t kGpusPerHost = 64;
inline constexpr std::size_t kCheckBytes = 64;  // HostAlarm::check; twice that for its scope
}  // namespace limit

// XXH-free, std-only: FNV-1a over the fields; equal reports hash equal. `seq` is not part of it.
std::uint64_t HashOf(const Report& report);
std::uint64_t TagOf(std::string_view state_id, const BootId& boot);

// Refuses what exceeds the limits above or breaks a shape ("rank 3 has both code and signal"). Called at the door, by the rim.
Status Validate(const FromAgent& message);
Status Validate(const ToAgent& message);

}  // namespace everstep
