#include "launcher/core/jobs.h"

#include <algorithm>

#include "base/text.h"
#include "launcher/core/blame.h"
#include "launcher/core/exclusion.h"
#include "launcher/core/placement.h"
#include "launcher/core/recovery.h"
#include "launcher/core/sentence.h"

namespace everstep {

namespace {

constexpr std::uint32_t kCancelledCode = 143;  // as if ended by SIGTERM

std::vector<RankEnd> EndsOn(const NodeId& node, const GangStatus& gang) {
  std::vector<RankEnd> ends;
  for (const RankStatus& rank : gang.ranks)
    if (rank.exit) ends.push_back({rank.rank, node, *rank.exit});
  std::sort(ends.begin(), ends.end(), [](const RankEnd& a, const RankEnd& b) { return a.exit.at < b.exit.at; });
  return ends;
}

// Facts for every gang of the job that is certainly without effect now.
Facts Release(const World& world, Now now, const JobState& job) {
  Facts facts;
  for (const LiveGang& gang : job.live) {
    const auto why = ExcludedBecause(world, now.at, job, gang);
    if (!why) continue;
    HostReleased released{job.id, gang.generation, gang.node, {}, *why};
    if (const GangStatus* status = GangOn(world, gang.node, job.id, gang.generation))
      released.ends = EndsOn(gang.node, *status);
    facts.push_back(std::move(released));
  }
  return facts;
}

GenerationBroken Broken(const World& world, const JobState& job, const NodeId& node, std::string why) {
  return {
      .job = job.id, .generation = job.generation, .node = node, .grace = world.policy.recovery_grace, .why = std::move(why)};
}
GenerationBroken HostBroken(const World& world, const JobState& job, const NodeId& node, std::string why) {
  GenerationBroken broken = Broken(world, job, node, std::move(why));
  broken.host_failed = true;
  return broken;
}

// A host of the generation that left the membership or lives another life.
std::optional<GenerationBroken> HostGone(const World& world, const JobState& job) {
  for (const LiveGang& gang : job.live) {
    if (gang.generation != job.generation) continue;
    const NodeState* node = NodeIn(world.state, gang.node);
    if (!node) return HostBroken(world, job, gang.node, Cat(gang.node, " is not known any more"));
    if (!node->member) return HostBroken(world, job, gang.node, node->why);
    if (node->boot != gang.boot) return HostBroken(world, job, gang.node, node->why);
  }
  return std::nullopt;
}

Facts Refused(const World& world, const JobState& job, const NodeId& node, const GangStatus& gang) {
  const std::string why = Sentence(node, " refused: ", Said(gang.why));
  GenerationBroken broken = HostBroken(world, job, node, why);
  switch (gang.refusal.value_or(Refusal::host)) {
    case Refusal::spec: return {JobStopping{job.id, JobPhase::failed, 1, 0s, why}};
    case Refusal::port: return {broken};
    case Refusal::checkpoint: {
      Facts facts{broken};
      if (job.resume)
        facts.insert(facts.begin(),
                     CheckpointWithdrawn{job.id, *job.resume,
                                         Sentence("checkpoint ", *job.resume, " is not offered any more: ", Said(gang.why))});
      return facts;
    }
    case Refusal::host:
    case Refusal::leftovers: break;
  }
  broken.avoid_node = true;
  return {broken};
}

Facts AdvancePreparing(const World& world, Now now, const JobState& job) {
  if (const auto gone = HostGone(world, job)) return {*gone};
  std::size_t prepared = 0;
  for (const NodeId& node : job.hosts) {
    const GangStatus* gang = GangOn(world, node, job.id, job.generation);
    if (gang && gang->phase == GangPhase::refused) return Refused(world, job, node, *gang);
    if (gang && gang->phase == GangPhase::empty)
      return {HostBroken(world, job, node, Sentence(node, " lost its gang before the start: ", Said(gang->why)))};
    if (gang && gang->phase == GangPhase::prepared) {
      ++prepared;
    } else if (now.at - job.since >= world.policy.prepare_deadline) {
      GenerationBroken broken =
          HostBroken(world, job, node, Cat(node, " has not prepared within ", Show(world.policy.prepare_deadline)));
      broken.avoid_node = true;
      return {broken};
    }
  }
  const bool older_lives =
      std::any_of(job.live.begin(), job.live.end(), [&](const LiveGang& g) { return g.generation != job.generation; });
  if (prepared < job.hosts.size() || older_lives) return {};
  const std::uint64_t ranks = job.hosts.size() * job.processes_per_node;
  return {GenerationStarted{
      job.id, job.generation,
      Cat("generation ", job.generation, " starts: ", Count(ranks, "rank"), " on ", Count(job.hosts.size(), "host"))}};
}

// One failed rank after others of the generation were done: what they did cannot be done again.
bool SomeRankDone(const World& world, const JobState& job) {
  const auto good = [](const RankExit& exit) { return exit.code == 0u; };
  for (const RankEnd& end : job.ends)
    if (good(end.exit)) return true;
  for (const NodeId& node : job.hosts)
    if (const GangStatus* gang = GangOn(world, node, job.id, job.generation))
      for (const RankStatus& rank : gang->ranks)
        if (rank.exit && good(*rank.exit)) return true;
  return false;
}

Facts RankFailed(const World& world, const JobState& job, const RankEnd& end, const std::vector<RankEnd>& ends) {
  const std::string why = Sentence("rank ", end.rank, " on ", end.node, ' ', Describe(end.exit));
  if (SomeRankDone(world, job))
    return {JobStopping{job.id, JobPhase::failed, ShellCode(end.exit), world.policy.recovery_grace,
                        Sentence(why, "; other ranks were done already, so it is not restarted")}};
  GenerationBroken broken = Broken(world, job, end.node, why);
  broken.ends = ends;
  return {broken};
}

// When the victims' word is enough: the cause may still be on its way from another host, and a stop would take it along.
std::optional<Time> CauseAwaitedUntil(const World& world, const JobState& job) {
  constexpr Duration kCauseWait = 500ms;
  const auto it = world.first_failure.find({job.id, job.generation});
  if (it == world.first_failure.end()) return std::nullopt;
  return it->second + kCauseWait;
}

// Something on a host that ends the generation; empty: it runs, or it is well done.
Facts Failure(const World& world, Now now, const JobState& job, const NodeId& node, const GangStatus& gang) {
  if (gang.phase == GangPhase::refused) return Refused(world, job, node, gang);
  const std::vector<RankEnd> ends = EndsOn(node, gang);
  if (gang.fenced)
    return {HostBroken(world, job, node, Cat(node, " fenced itself: it heard no launcher and no majority of hosts"))};
  const bool wait = now.at < CauseAwaitedUntil(world, job).value_or(now.at);
  for (const RankEnd& end : ends)
    if (Classify(end.exit) < (wait ? EndClass::victim : EndClass::stopped)) return RankFailed(world, job, end, ends);
  for (const RankEnd& end : ends)
    if (Classify(end.exit) == EndClass::stopped)
      return {HostBroken(world, job, node, Sentence(node, " stopped its ranks", gang.why.empty() ? "" : ": ", Said(gang.why)))};
  if (gang.phase == GangPhase::empty && ends.size() < job.processes_per_node)
    return {HostBroken(world, job, node,
                       Sentence(node, " lost its ranks: ", gang.why.empty() ? "its keeper is gone" : Said(gang.why)))};
  return {};
}

Facts AdvanceRunning(const World& world, Now now, const JobState& job) {
  std::size_t good = 0;
  for (const LiveGang& live : job.live) {
    const HostNow* host = HostIn(world, live.node);
    if (!host || !host->connected || !host->report) continue;
    const GangStatus* gang = GangOn(world, live.node, job.id, job.generation);
    if (!gang) return {HostBroken(world, job, live.node, Cat(live.node, " does not know its gang any more"))};
    if (Facts failure = Failure(world, now, job, live.node, *gang); !failure.empty()) return failure;
    const auto well = [](const RankStatus& rank) { return rank.exit && rank.exit->code == 0u; };
    good += gang->phase == GangPhase::empty && std::all_of(gang->ranks.begin(), gang->ranks.end(), well) ? 1 : 0;
  }
  if (const auto gone = HostGone(world, job)) return {*gone};
  if (good < job.live.size()) return {};
  return {JobStopping{job.id, JobPhase::done, 0, 0s,
                      Cat("all ", job.hosts.size() * job.processes_per_node, " ranks ended with code 0")}};
}

// "queued" jobs that the cluster can never hold do not block the others.
bool TooBig(const World& world, const JobState& job) {
  std::size_t members = 0;
  for (const auto& [id, node] : world.state.nodes) members += node.member ? 1 : 0;
  return members < std::size_t{job.spec.nodes} + job.spec.spares;
}

Facts FillSpares(const World& world) {
  for (const auto& [id, job] : world.state.jobs) {
    const bool lives = job.phase == JobPhase::preparing || job.phase == JobPhase::running;
    if (!lives || job.spares.size() >= job.spec.spares) continue;
    for (const NodeId& node : EligibleHosts(world, job)) {
      const auto has = [&](const std::vector<NodeId>& nodes) {
        return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
      };
      const bool leaving = std::any_of(job.live.begin(), job.live.end(), [&](const LiveGang& g) { return g.node == node; });
      if (!has(job.hosts) && !has(job.spares) && !leaving)
        return {SpareAssigned{id, node, Cat(node, " is a spare of ", id, " now")}};
    }
  }
  return {};
}

}  // namespace

Facts AdvanceJob(const World& world, Now now, const JobState& job) {
  if (job.phase == JobPhase::preparing)
    if (Facts facts = AdvancePreparing(world, now, job); !facts.empty()) return facts;
  if (job.phase == JobPhase::running)
    if (Facts facts = AdvanceRunning(world, now, job); !facts.empty()) return facts;
  if (job.phase == JobPhase::recovering || job.phase == JobPhase::stopping || job.phase == JobPhase::preparing)
    if (Facts facts = Release(world, now, job); !facts.empty()) return facts;
  if (!job.live.empty()) return {};
  if (job.phase == JobPhase::stopping) return {JobEnded{job.id, job.outcome, job.exit_code.value_or(1), job.why}};
  if (job.phase != JobPhase::recovering) return {};
  return job.judged ? PlanRecovery(world, now, job) : JudgeFailure(world, now, job);
}

std::optional<Time> JobDeadline(const World& world, const JobState& job) {
  std::optional<Time> next;
  const auto consider = [&next](std::optional<Time> t) {
    if (t && (!next || *t < *next)) next = t;
  };
  if (job.phase == JobPhase::running) consider(CauseAwaitedUntil(world, job));
  if (job.phase == JobPhase::preparing) consider(job.since + world.policy.prepare_deadline);
  if (job.phase != JobPhase::running)
    for (const LiveGang& gang : job.live) consider(ExclusionDue(world, gang));
  return next;
}

Facts AdvanceQueue(const World& world, Now now) {
  bool head = true;
  for (const JobId& id : QueueOrder(world.state)) {
    const JobState& job = world.state.jobs.at(id);
    if (TooBig(world, job)) continue;
    std::vector<NodeId> fit = EligibleHosts(world, job);
    if (fit.size() >= std::size_t{job.spec.nodes} + job.spec.spares) {
      const auto hosts_end = fit.begin() + job.spec.nodes;
      return {PlanFirst(world, now, job, {fit.begin(), hosts_end}, {hosts_end, hosts_end + job.spec.spares})};
    }
    const std::string why = WhyNotPlaced(world, job);
    if (head && why != job.why) return {JobWaits{id, why}};
    head = false;
    return {};
  }
  return FillSpares(world);
}

const JobState* SubmittedBefore(const State& state, const std::string& request_id) {
  if (request_id.empty()) return nullptr;
  for (const auto& [id, job] : state.jobs)
    if (job.request_id == request_id) return &job;
  return nullptr;
}

Result<JobSubmitted> Submit(const World& world, const SubmitJob& request) {
  std::size_t open = 0;
  for (const auto& [id, job] : world.state.jobs) open += Ended(job.phase) ? 0 : 1;
  if (open >= world.policy.jobs_max)
    return Fail(ErrorCode::kExhausted,
                Cat("the queue is full: ", open, " jobs have not ended, jobs_max is ", world.policy.jobs_max),
                "cancel some, or raise jobs_max in launcher.yaml");
  const std::string number = Cat('-', world.state.last_order + 1);
  std::string stem = request.spec.name.substr(0, limit::kNameBytes - number.size());
  while (!stem.empty() && stem.back() == '-') stem.pop_back();
  JobSubmitted submitted{.job = JobId(stem + number), .spec = request.spec, .request_id = request.request_id};
  JobState as_queued;
  as_queued.id = submitted.job;
  as_queued.spec = request.spec;
  submitted.why = Cat("queued: ", WhyNotPlaced(world, as_queued));
  return submitted;
}

Result<Facts> Cancel(const JobState& job, const CancelJob& request) {
  if (Ended(job.phase))
    return Fail(ErrorCode::kConflict, Cat(job.id, " has ended already: ", Name(job.phase), " (", job.why, ")"));
  const std::string why = Sentence("cancelled by ", Who(request.by));
  const Duration grace = request.now ? 0s : job.spec.stop_grace;
  if (job.phase == JobPhase::queued) return Facts{JobEnded{job.id, JobPhase::cancelled, kCancelledCode, why}};
  if (job.phase == JobPhase::stopping && job.stop_grace <= grace)
    return Fail(ErrorCode::kConflict, Cat(job.id, " is stopping already: ", job.why));
  return Facts{JobStopping{job.id, JobPhase::cancelled, kCancelledCode, grace, why}};
}

const JobState* FindJob(const State& state, const JobId& id_or_name) {
  if (const JobState* job = JobIn(state, id_or_name)) return job;
  const JobState* newest = nullptr;
  for (const auto& [id, job] : state.jobs)
    if (job.spec.name == id_or_name.value && (!newest || job.order > newest->order)) newest = &job;
  return newest;
}

}  // namespace everstep
