#include "launcher/core/jobs.h"

#include <algorithm>
#include <utility>

#include "base/contains.h"
#include "launcher/core/drain.h"
#include "launcher/core/exclusion.h"
#include "launcher/core/generation.h"
#include "launcher/core/hang.h"
#include "launcher/core/host_health.h"
#include "launcher/core/preflight.h"
#include "launcher/core/recovery.h"
#include "launcher/core/sentence.h"

namespace everstep {

namespace {

// Facts for every gang of the job that is certainly without effect now.
Facts Release(const World& world, Now now, const JobState& job) {
  Facts facts;
  for (const LiveGang& gang : job.live) {
    const auto why = ExcludedBecause(world, now.at, job, gang);
    if (!why) continue;
    HostReleased released{.job = job.id, .generation = gang.generation, .node = gang.node, .why = *why};
    if (const GangStatus* status = GangOn(world, gang.node, job.id, gang.generation)) {
      released.ends = EndsOn(gang.node, *status);
      if (status->progress) released.step = status->progress->step;
    }
    facts.push_back(std::move(released));
  }
  return facts;
}

JobEnded End(const JobState& job) {
  const std::string why = job.outcome == JobPhase::done ? Sentence("done: ", job.give_up)
                                                        : Sentence(OneLine(job.give_up, 900), "; all its processes are gone");
  return {job.id, job.outcome, job.exit_code.value_or(1), why};
}

Facts WaitsFor(const JobState& job, const std::string& reason) {
  const std::string& about = job.phase == JobPhase::recovering ? job.broken : job.give_up;
  std::string why = Sentence(OneLine(about, 500), "; waits: ", reason);
  if (why == job.why) return {};
  return {JobWaits{job.id, std::move(why)}};
}

// A generation that is over: first the right cause, then every host released, then what follows.
Facts WindDown(const World& world, Now now, const JobState& job) {
  if (job.phase == JobPhase::recovering)
    if (Facts facts = CorrectCause(world, job); !facts.empty()) return facts;
  if (Facts facts = Release(world, now, job); !facts.empty()) return facts;
  for (const LiveGang& gang : job.live)
    if (const auto stuck = StuckBecause(world, gang)) return WaitsFor(job, *stuck);
  if (!job.live.empty()) return {};
  if (job.phase == JobPhase::stopping) return {End(job)};
  return job.judged ? PlanRecovery(world, now, job) : JudgeFailure(world, now, job);
}

// When the trouble began, as far as it was seen: the first bad end of a rank, or the last that was heard of a silent host.
Facts WithFirstSigns(const World& world, Now now, Facts facts) {
  for (Fact& fact : facts) {
    auto* broken = std::get_if<GenerationBroken>(&fact);
    if (!broken) continue;
    broken->noticed = now.at;
    const HostNow* host = HostIn(world, broken->node);
    const auto first = world.first_failure.find({broken->job, broken->generation});
    if (broken->host_failed && host && (!host->connected || host->pulse != Pulse::trusted))
      broken->noticed = std::min(now.at, host->silent_since);
    else if (!broken->host_failed && first != world.first_failure.end())
      broken->noticed = std::min(now.at, first->second);
    const auto stepped = world.stepped.find({broken->job, broken->generation});
    if (broken->hung && stepped != world.stepped.end()) broken->noticed = stepped->second;
  }
  return facts;
}

// As the end of time does with sbatch: SIGTERM, its grace, SIGKILL.
Facts TimeIsUp(Now now, const JobState& job) {
  constexpr std::uint32_t kTimeLimitCode = 124;  // as timeout(1) exits
  const auto due = TimeLimitAt(job);
  if (!due || now.at < *due || job.phase == JobPhase::stopping) return {};
  JobStopping stopping{.job = job.id, .outcome = JobPhase::failed, .exit_code = kTimeLimitCode, .grace = job.spec.stop_grace};
  if (job.phase == JobPhase::recovering) stopping.grace = std::min(stopping.grace, job.stop_grace);  // it has its SIGTERM
  stopping.why = Cat("its time is up: time_limit is ", Show(*job.spec.time_limit));
  stopping.blame = {.kind = BlameClass::user,
                    .cause = stopping.why,
                    .means = "the time that was asked for is over; a new job with more of it can go on from the checkpoint"};
  return {stopping};
}

}  // namespace

std::optional<Time> TimeLimitAt(const JobState& job) {
  if (!job.spec.time_limit || !job.first_started || Ended(job.phase)) return std::nullopt;
  return *job.first_started + *job.spec.time_limit;
}

Facts AdvanceJob(const World& world, Now now, const JobState& job) {
  if (Facts over = TimeIsUp(now, job); !over.empty()) return over;
  switch (job.phase) {
    case JobPhase::preparing:
    case JobPhase::running: {
      if (Facts moved = MoveAway(world, now, job); !moved.empty()) return WithFirstSigns(world, now, std::move(moved));
      const bool runs = job.phase == JobPhase::running;
      return WithFirstSigns(world, now, runs ? AdvanceRunning(world, now, job) : AdvancePreparing(world, now, job));
    }
    case JobPhase::recovering:
    case JobPhase::stopping: return WindDown(world, now, job);
    case JobPhase::queued:
    case JobPhase::done:
    case JobPhase::failed:
    case JobPhase::cancelled: break;
  }
  return {};
}

std::optional<Time> JobDeadline(const World& world, const JobState& job) {
  std::optional<Time> next;
  const auto consider = [&next](std::optional<Time> t) {
    if (t && (!next || *t < *next)) next = t;
  };
  if (job.phase == JobPhase::running) {
    consider(CauseAwaitedUntil(world, job));
    consider(HungAt(world, job));
    if (job.preflight) consider(PreflightDue(job));
    if (job.preflight) consider(PreflightToldAt(world, job));
  }
  if (job.phase != JobPhase::stopping) consider(TimeLimitAt(job));
  if (job.phase == JobPhase::preparing) consider(job.since + world.policy.prepare_deadline);
  if (job.phase == JobPhase::preparing || job.phase == JobPhase::running)
    for (const Removal& removal : world.state.removals)
      if (const NodeState* node = NodeIn(world.state, removal.node);
          node && node->quarantine && Contains(job.hosts, node->node))
        consider(LeavesAt(world, job, *node));
  if (job.phase == JobPhase::recovering || job.phase == JobPhase::stopping)
    for (const LiveGang& gang : job.live) consider(ExclusionDue(world, gang));
  if (job.phase == JobPhase::recovering && job.live.empty() && job.judged) {
    if (job.pauses) consider(RestartNotBefore(job));
    for (const AvoidedHost& avoided : job.avoid)
      if (!job.pauses && Forgivable(avoided)) consider(ForgivenAt(avoided));
  }
  return next;
}

}  // namespace everstep
