// What a user asks for: one job, as in a job file. Made by the CLI (which checks the file), checked again by the launcher
// (ValidateJob), kept in the log. Values that look secret are not in here: see JobSpec::env.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/fields.h"
#include "base/result.h"
#include "base/time.h"

namespace everstep {

// How Everstep knows that a checkpoint in `dir` is complete.
//   automatic  recognised formats only: torch.save files (zip with CRCs), safetensors, directories with marker or manifest
//   glob       every file (or directory) that matches `pattern` is complete as soon as it stands there
//   marker     a directory that holds a file called `pattern` is complete
EVERSTEP_ENUM(CompleteWhenKind, automatic, glob, marker)

struct CompleteWhen {
  CompleteWhenKind kind = CompleteWhenKind::automatic;
  std::string pattern{};  // empty when automatic
  friend bool operator==(const CompleteWhen&, const CompleteWhen&) = default;
};
EVERSTEP_FIELDS(CompleteWhen, kind, pattern)

// How checkpoints are kept out of reach of later writers.
//   pin    a complete one is linked or copied into DIR/.everstep/
//   mount  so too, and the ranks see another directory in place of `dir`: one of their generation's own (base/real/mounts.h)
EVERSTEP_ENUM(Isolate, pin, mount)

struct CheckpointSpec {
  std::string dir{};  // absolute, seen by every host of the job
  CompleteWhen complete_when{};
  Isolate isolate = Isolate::pin;
  friend bool operator==(const CheckpointSpec&, const CheckpointSpec&) = default;
};
EVERSTEP_FIELDS(CheckpointSpec, dir, complete_when, isolate)

// How the ranks' progress is read from what they print; $EVERSTEP_PROGRESS is read in any case.
inline constexpr Duration kTimeLimitMost = 3650 * 24h;

inline constexpr Duration kHangAfterLeast = 5s;
inline constexpr Duration kHangAfterMost = 7 * 24h;

struct ProgressSpec {
  std::optional<std::string>
      step{};  // a regular expression with one group, the step; nullopt ("auto"): the usual trainers' lines
  // Ranks that have told of a step and then tell of no new one for so long hang, and are started again. 0: never. nullopt
  // ("auto"): 40 min, or 100 steps where those take longer; collectives that time out by themselves (NCCL after 10 min, gloo
  // after 30) say more about who is to blame, and come first.
  std::optional<Duration> hang_after{};
  friend bool operator==(const ProgressSpec&, const ProgressSpec&) = default;
};
EVERSTEP_FIELDS(ProgressSpec, step, hang_after)

struct RestartSpec {
  std::uint32_t budget = 10;  // restarts allowed within `window`
  Duration window = 6h;
  std::uint32_t no_progress = 3;            // failures of the code in a row without a newer checkpoint or step, then stop
  std::vector<std::uint32_t> no_restart{};  // exit codes that end the job at once
  std::vector<std::uint32_t> new_host{};    // exit codes that blame the host
  std::vector<std::string> warm{};          // modules that ranks which wait for a restart have imported; empty: none wait
  friend bool operator==(const RestartSpec&, const RestartSpec&) = default;
};
EVERSTEP_FIELDS(RestartSpec, budget, window, no_progress, no_restart, new_host, warm)

// The program that proves it. A bare name that begins so, as argv[0] of a job, is a program beside the agent's own, wherever
// PATH leads: of one version with it.
inline constexpr std::string_view kOwnPrograms = "everstep-";
inline constexpr std::string_view kProbeProgram = "everstep-probe";

// What is proven of the network between the hosts before the ranks start, by everstep-probe on all of them at once.
//   off    nothing
//   quick  four rounds of pairs, and more for those that fail; seconds
//   full   each pair once
EVERSTEP_ENUM(PreflightLevel, off, quick, full)

inline constexpr Duration kPreflightHoldsLeast = 1min;
inline constexpr Duration kPreflightHoldsMost = 30 * 24h;
inline constexpr std::size_t kPreflightDataMost = 16;

// What a host's own check could not read: told and passed, or as bad as what fails.
EVERSTEP_ENUM(PreflightUnknown, pass, block)

// nullopt ("auto"): as the launcher's file says, which is written into the job when it is submitted.
struct PreflightSpec {
  std::optional<PreflightLevel> level{};
  std::optional<Duration> valid_for{};  // a host that passed so long ago, and was not rebooted since, is not checked again
  std::optional<PreflightUnknown> unknown{};
  std::vector<std::string> data{};  // absolute paths of training data: their mounts are judged, nothing is written there

  PreflightLevel Level() const { return level.value_or(PreflightLevel::off); }
  Duration ValidFor() const { return valid_for.value_or(1h); }
  bool UnknownBlocks() const { return unknown == PreflightUnknown::block; }
  friend bool operator==(const PreflightSpec&, const PreflightSpec&) = default;
};
EVERSTEP_FIELDS(PreflightSpec, level, valid_for, unknown, data)

struct JobSpec {
  std::string name = "job";                           // ValidName()
  std::vector<std::string> command{};                 // argv; never empty; placeholders {rank} {local_rank} {nnodes} {resume}
  std::vector<std::string> resume_args{};             // appended only when there is a checkpoint to resume from
  std::uint32_t nodes = 1;                            // whole hosts
  std::optional<std::uint32_t> processes_per_node{};  // nullopt ("auto"): accelerators found, else 1
  std::uint32_t spares = 0;                           // hosts kept idle for this job
  std::string workdir{};                              // absolute
  std::map<std::string, std::string> env{};           // names that look secret (LooksSecret) are refused: use env_from
  std::vector<std::string> env_from{};                // files read on the host at start; values never stored, logged or shown
  std::uint32_t priority = 50;                        // 0 … 100, higher first; equal: first come, first served
  std::optional<CheckpointSpec> checkpoint{};
  ProgressSpec progress{};
  RestartSpec restart{};
  // From the first start of its ranks on, restarts included: then it is stopped, with its grace. nullopt: none.
  std::optional<Duration> time_limit{};
  Duration stop_grace = 60s;         // from SIGTERM to SIGKILL when the user or the budget ends the job
  std::vector<std::string> hosts{};  // only these are taken; empty: any
  PreflightSpec preflight{};
  friend bool operator==(const JobSpec&, const JobSpec&) = default;
};
EVERSTEP_FIELDS(JobSpec, name, command, resume_args, nodes, processes_per_node, spares, workdir, env, env_from, priority,
                checkpoint, progress, restart, time_limit, stop_grace, hosts, preflight)

// True for names such as WANDB_API_KEY, AWS_SECRET_ACCESS_KEY, HF_TOKEN, DB_PASSWORD (a word of them, any case).
bool LooksSecret(std::string_view env_name);

// Limits and shapes that hold wherever a JobSpec comes from; the error names the key as in the job file ("env.HF_TOKEN").
Status ValidateJob(const JobSpec& spec);

}  // namespace everstep
