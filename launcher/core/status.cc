#include "launcher/core/status.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/text.h"
#include "launcher/core/blame.h"
#include "launcher/core/drain.h"
#include "launcher/core/exclusion.h"
#include "launcher/core/host_health.h"
#include "launcher/core/incidents.h"
#include "launcher/core/jobs.h"
#include "launcher/core/ledger.h"
#include "launcher/core/membership.h"
#include "launcher/core/placement.h"
#include "launcher/core/recovery.h"
#include "launcher/core/sentence.h"

namespace everstep {

namespace {

std::string StateOf(const RankExit& exit) {
  if (exit.signal) return Cat(SignalName(*exit.signal), exit.oom_kill ? " (oom)" : "");
  return Cat("exited ", exit.code.value_or(1));
}

std::vector<RankView> Ranks(const World& world, const JobState& job) {
  std::vector<RankView> ranks;
  for (std::size_t i = 0; i < job.hosts.size(); ++i) {
    const GangStatus* gang = GangOn(world, job.hosts[i], job.id, job.generation);
    for (std::uint32_t local = 0; local < job.processes_per_node; ++local) {
      RankView view{static_cast<std::uint32_t>(i) * job.processes_per_node + local, job.hosts[i], 0,
                    job.started ? "unknown" : "waiting"};
      for (const RankEnd& end : job.ends)
        if (end.rank == view.rank) view.state = StateOf(end.exit);
      if (gang)
        for (const RankStatus& rank : gang->ranks) {
          if (rank.rank != view.rank) continue;
          view.pid = rank.pid;
          view.state = rank.exit ? StateOf(*rank.exit) : "running";
        }
      ranks.push_back(std::move(view));
    }
  }
  return ranks;
}

// The first host that tells of steps speaks for all: numbers of several are not mixed.
std::optional<ProgressView> ProgressOf(const World& world, const JobState& job) {
  for (const NodeId& node : job.hosts) {
    const GangStatus* gang = GangOn(world, node, job.id, job.generation);
    if (!gang || !gang->progress) continue;
    const Progress& told = *gang->progress;
    ProgressView view{.step = told.step, .steps_total = told.steps_total, .step_time = told.step_time, .loss = told.loss};
    if (told.steps_total && told.step_time) {
      const std::uint64_t left = *told.steps_total - std::min(told.step, *told.steps_total);
      const bool fits = *told.step_time <= Duration(0) || left < static_cast<std::uint64_t>(Duration::max() / *told.step_time);
      if (fits) view.eta = *told.step_time * static_cast<std::int64_t>(left);
    }
    return view;
  }
  if (job.step) return ProgressView{.step = *job.step};  // its ranks are gone
  return std::nullopt;
}

// Hosts of the job that are silent, or cannot be evicted: its ranks there may be in trouble, and nothing has been decided yet.
std::vector<std::string> SilentHosts(const World& world, const JobState& job) {
  std::vector<std::string> said;
  if (job.phase != JobPhase::running && job.phase != JobPhase::preparing) return said;
  for (const NodeId& id : job.hosts) {
    const HostNow* host = HostIn(world, id);
    const NodeState* node = NodeIn(world.state, id);
    if (!host || !node || !node->member || host->pulse == Pulse::trusted) continue;
    said.push_back(host->pulse == Pulse::lost ? node->why : host->pulse_why);
  }
  return said;
}

// What has to happen before a generation is certainly gone from a host.
std::string WhyStillThere(const World& world, Now now, const LiveGang& gang) {
  if (const auto stuck = StuckBecause(world, gang)) return *stuck;
  const std::string begin = Cat("waits until generation ", gang.generation, " is certainly gone from ", gang.node);
  if (const auto due = ExclusionDue(world, gang))
    return Cat(begin, ": its fence time ends in ", Show(std::max(Duration(0), *due - now.at)));
  const HostNow* host = HostIn(world, gang.node);
  return Cat(begin, host && host->pulse != Pulse::trusted ? ": it is silent, and not found lost yet" : ": it stops its ranks");
}

// What a job that is not where it wants to be waits for now; its own sentence says how it came there. Empty: nothing.
std::string WaitsForNow(const World& world, Now now, const JobState& job) {
  if (job.phase == JobPhase::recovering || job.phase == JobPhase::stopping)
    return job.live.empty() ? std::string() : WhyStillThere(world, now, job.live.front());
  if (job.phase != JobPhase::preparing) return {};
  std::vector<NodeId> slow;
  for (const NodeId& node : job.hosts) {
    const GangStatus* gang = GangOn(world, node, job.id, job.generation);
    if (!gang || gang->phase == GangPhase::preparing) slow.push_back(node);
  }
  if (slow.empty()) return {};
  return Cat(NamesOf(slow), slow.size() == 1 ? " prepares" : " prepare", " since ",
             Show(std::max(Duration(0), now.at - job.since)));
}

std::string RankRole(const JobState& job, std::size_t node_rank) {
  const std::uint64_t first = node_rank * job.processes_per_node;
  return job.processes_per_node == 1 ? Cat("rank ", first) : Cat("rank ", first, '-', first + job.processes_per_node - 1);
}

// What each host does, and for whom; in one pass over the jobs.
using Roles = std::map<NodeId, std::pair<JobId, std::string>>;
Roles RolesOf(const State& state) {
  Roles roles;
  for (const auto& [id, job] : state.jobs) {
    if (Ended(job.phase)) continue;
    for (std::size_t i = 0; i < job.hosts.size() && job.phase != JobPhase::stopping; ++i)
      roles.insert_or_assign(job.hosts[i], std::pair(id, RankRole(job, i)));
    for (const NodeId& node : job.spares) roles.insert_or_assign(node, std::pair(id, std::string("spare")));
    for (const LiveGang& gang : job.live) roles.try_emplace(gang.node, id, "leaving");
  }
  return roles;
}

// What is the same for all queued jobs.
struct Queue {
  std::map<JobId, std::uint32_t> positions{};
  Taken taken{};
  const State* state = nullptr;
  const JobState* next = nullptr;  // the first that the cluster can hold: all behind it wait for it
};
std::size_t HostsFor(const JobSpec& spec) { return std::size_t{spec.nodes} + spec.spares; }
bool CanHold(const State& state, const JobSpec& spec) { return HostsFor(spec) <= Capacity(state, spec); }
Queue QueueNow(const State& state) {
  Queue queue{.positions = {}, .taken = TakenHosts(state), .state = &state};
  for (const JobState* job : InQueueOrder(state)) {
    queue.positions.emplace(job->id, queue.positions.size() + 1);
    if (!queue.next && job->spec.hosts.empty() && CanHold(state, job->spec)) queue.next = job;
  }
  return queue;
}

// Hosts that would fit are no reason to wait: the job in front that gets none is. Empty: nobody stands in its way.
std::string WaitsBehind(const JobState& job, const Queue& queue) {
  if (!queue.next || queue.next->id == job.id || !CanHold(*queue.state, job.spec)) return {};
  const JobState& next = *queue.next;
  const bool in_front =
      next.spec.priority != job.spec.priority ? next.spec.priority > job.spec.priority : next.order < job.order;
  return in_front ? Cat("waits behind ", next.id, ", which needs ", Needs(next.spec)) : std::string();
}

std::optional<std::uint32_t> LastCulprit(const JobState& job) {
  if (job.incidents.empty() || job.incidents.back().generation != job.generation) return std::nullopt;
  return job.incidents.back().blame.rank;
}

// The command that a person will want next.
std::string NextCommand(const JobState& job) {
  switch (job.phase) {
    case JobPhase::queued:
    case JobPhase::preparing:
    case JobPhase::recovering:
    case JobPhase::stopping: return Cat("everstep explain ", job.id);
    case JobPhase::running: return Cat("everstep logs ", job.id, " -f");
    case JobPhase::failed:
      if (!job.started_at) return Cat("everstep explain ", job.id);  // no rank has written anything
      return LogsCommand(job.id, job.generation, LastCulprit(job));
    case JobPhase::done:
    case JobPhase::cancelled: break;
  }
  return Cat("everstep events --job ", job.id);
}

LedgerView ViewOf(const Ledger& l) {
  return {l.useful / 1000, l.unsaved / 1000, l.lost / 1000, l.noticing / 1000, l.standing / 1000, l.spare / 1000};
}

JobView ViewOf(const World& world, Now now, const JobState& job, const Queue& queue) {
  JobView view;
  view.id = job.id;
  view.name = job.spec.name;
  view.phase = job.phase;
  view.why = job.why;
  if (const auto it = queue.positions.find(job.id); it != queue.positions.end()) {
    view.queue_position = it->second;
    view.why = WaitsBehind(job, queue);
    if (view.why.empty()) view.why = WhyNotPlaced(job, FitFor(world, job, queue.taken, now.at));
  }
  for (const std::string& silent : SilentHosts(world, job)) view.why = Sentence(view.why, "; ", silent);
  if (const std::string waits = WaitsForNow(world, now, job); !waits.empty() && view.why.find(waits) == std::string::npos)
    view.why = Sentence(OneLine(view.why, 600), "; ", waits);
  view.priority = job.spec.priority;
  view.nodes = job.spec.nodes;
  view.spares = job.spec.spares;
  view.world_size = static_cast<std::uint32_t>(job.hosts.size()) * job.processes_per_node;
  view.generation = job.generation;
  view.preflight = job.preflight && (job.phase == JobPhase::preparing || job.phase == JobPhase::running);
  for (std::uint32_t i = 0; i < job.hosts.size(); ++i) {
    const NodeState* node = NodeIn(world.state, job.hosts[i]);
    view.hosts.push_back({job.hosts[i], node ? node->address : "", i, i * job.processes_per_node, job.processes_per_node});
  }
  view.spare_hosts = job.spares;
  view.ranks = Ranks(world, job);
  view.restarts = RestartsInWindow(job, now.at);
  view.restarts_max = job.spec.restart.budget;
  view.progress = ProgressOf(world, job);
  if (view.progress) view.step = view.progress->step;
  if (const CheckpointRecord* newest = NewestOffered(job))
    view.checkpoint = CheckpointView{newest->id.value,        newest->seen.step, newest->seen.path,
                                     newest->seen.generation, newest->at,        newest->seen.why};
  if (!view.step && view.checkpoint) view.step = view.checkpoint->step;
  if (Ended(job.phase)) view.exit_code = job.exit_code;
  view.submitted_at = job.submitted_at;
  view.started_at = job.started_at;
  view.ended_at = job.ended_at;
  view.command = job.spec.command;
  if (!job.incidents.empty()) view.incident = ViewOf(job, job.incidents.back());
  view.next = NextCommand(job);
  if (const auto until = TimeLimitAt(job)) view.time_left = std::max(Duration(0), *until - now.at);
  if (job.generation.value > 0) view.ledger = ViewOf(Accounted(job, now.at));
  return view;
}

HealthView HealthOf(const State& state, const NodeState& node, const HostHealth& said, Now now) {
  HealthView view{.watched = said.watched,
                  .unwatched = said.unwatched,
                  .judged = said.judged,
                  .failing = said.failing,
                  .warning = said.warning,
                  .unknown = said.unknown};
  for (const KnownAlarm& known : node.alarms)
    view.alarms.push_back({known.alarm.check, known.alarm.scope, known.alarm.fail, known.alarm.action, known.at,
                           known.alarm.why, known.alarm.evidence, known.alarm.remedy, known.cleared});
  if (HasOffences(node)) view.offences = OffencesOf(state, node, now.at).why;
  return view;
}

NodeView ViewOf(const World& world, Now now, const NodeState& node, const Roles& roles) {
  NodeView view{.node = node.node,
                .why = node.why,
                .address = node.address,
                .accelerators = node.accelerators,
                .boot = node.boot,
                .version = node.version};
  if (const auto it = roles.find(node.node); it != roles.end()) {
    view.job = it->second.first;
    view.role = it->second.second;
  }
  if (node.fabric && (node.fabric->boot == node.boot || FailedCheck(node)))
    view.fabric = FabricView{node.fabric->passed, std::max(Duration(0), now.at - node.fabric->at), node.fabric->why};
  const HostNow* host = HostIn(world, node.node);
  const bool heard = host && host->report.has_value();
  if (heard) view.silent_for = std::max(Duration(0), now.at - host->silent_since);
  const bool quiet = heard && host->report->health == HostHealth() && node.alarms.empty() && !HasOffences(node);
  if (heard && !quiet) view.health = HealthOf(world.state, node, host->report->health, now);
  if (!node.member) {
    view.phase = NodePhase::lost;
  } else if (!heard) {
    view.phase = NodePhase::away;
    view.why = "not heard since the launcher started";
  } else if (host->pulse != Pulse::trusted) {
    view.phase = NodePhase::suspect;
    view.why = host->pulse == Pulse::lost ? node.why : host->pulse_why;  // lost and still a member: held by the half rule
  } else if (node.drain) {
    view.phase = view.job ? NodePhase::draining : NodePhase::drained;
    view.why = DrainText(node, now.at);
  } else if (node.quarantine) {
    view.phase = NodePhase::quarantined;
  }
  if (node.quarantine) {
    const bool alone = view.phase == NodePhase::quarantined;
    view.why = alone ? QuarantineText(node, now.at) : Sentence(OneLine(view.why, 600), "; ", QuarantineText(node, now.at));
    const std::string waits = QuarantineWaits(world, node);
    if (alone && !waits.empty()) view.why = Sentence(OneLine(view.why, 700), "; waits: ", waits);
  } else if (view.phase == NodePhase::ready && KeptAway(world.state, node)) {
    view.why = Cat("kept away: ", OffencesOf(world.state, node, world.state.now).why);
  } else if (view.phase == NodePhase::ready) {
    if (const std::string stays = StaysBecause(world, now, node); !stays.empty()) view.why = stays;
  }
  if (!node.drain) return view;
  view.drain = DrainView{node.drain->by, node.drain->reason, node.drain->at};
  const bool said = view.phase == NodePhase::draining || view.phase == NodePhase::drained;
  if (!said) view.why = Sentence(OneLine(view.why, 600), "; ", DrainText(node, now.at));
  return view;
}

}  // namespace

JobView ViewOf(const World& world, Now now, const JobState& job) {
  return ViewOf(world, now, job, job.phase == JobPhase::queued ? QueueNow(world.state) : Queue());
}

NodeView ViewOf(const World& world, Now now, const NodeState& node) { return ViewOf(world, now, node, RolesOf(world.state)); }

std::vector<JobView> ViewJobs(const World& world, Now now, const ListJobs& request) {
  std::vector<const JobState*> jobs;
  for (const auto& [id, job] : world.state.jobs)
    if (request.ended || !Ended(job.phase)) jobs.push_back(&job);
  std::sort(jobs.begin(), jobs.end(), [](const JobState* a, const JobState* b) {
    return Ended(a->phase) != Ended(b->phase) ? !Ended(a->phase) : a->order > b->order;
  });
  if (jobs.size() > request.rows_max) jobs.resize(request.rows_max);
  std::vector<JobView> views;
  const Queue queue = QueueNow(world.state);
  for (const JobState* job : jobs) views.push_back(ViewOf(world, now, *job, queue));
  return views;
}

std::vector<NodeView> ViewNodes(const World& world, Now now, const JobState* why_not) {
  std::vector<NodeView> views;
  const Roles roles = RolesOf(world.state);
  for (const auto& [id, node] : world.state.nodes) views.push_back(ViewOf(world, now, node, roles));
  if (why_not) {
    std::map<NodeId, std::string> reasons;
    for (auto& [id, reason] : FitFor(world, *why_not, TakenHosts(world.state), now.at).reasons) reasons.emplace(id, reason);
    for (NodeView& view : views) {
      if (const auto it = reasons.find(view.node); it != reasons.end()) view.why_not = it->second;
      if (view.why_not.empty() && view.job == why_not->id) view.why_not = "works for it";
    }
  }
  std::sort(views.begin(), views.end(), [](const NodeView& a, const NodeView& b) { return NaturalLess(a.node, b.node); });
  return views;
}

namespace {

// Why there is nothing to resume from. The reasons of the withdrawn ones follow, one by one.
std::string NoCheckpoint(const JobState& job) {
  const auto withdrawn = static_cast<std::size_t>(std::count_if(
      job.checkpoints.begin(), job.checkpoints.end(), [](const CheckpointRecord& r) { return r.seen.complete && !r.offered; }));
  if (withdrawn == 0) return "no checkpoint is registered yet";
  return Cat(Count(withdrawn, "registered checkpoint"), withdrawn == 1 ? " was" : " were", " withdrawn, none is left");
}

// "generation 2 broke: rank 1 on n2 was killed by SIGKILL (class oom: …); its words: everstep logs …"
std::string LastIncident(const JobState& job) {
  const Incident& incident = job.incidents.back();
  const std::string means = incident.blame.means.empty() ? "" : Cat(": ", incident.blame.means);
  const std::string words =
      incident.blame.rank ? Cat("; its words: ", LogsCommand(job.id, incident.generation, incident.blame.rank)) : std::string();
  return Sentence("generation ", incident.generation, " broke: ", OneLine(incident.blame.cause, 500), " (class ",
                  Name(incident.blame.kind), means, ')', words);
}

std::string WhyAvoided(Now now, const AvoidedHost& avoided) {
  if (!Forgivable(avoided)) return Cat(avoided.node, " is not used: it failed the preflight: ", OneLine(avoided.why, 300));
  return Cat(avoided.node,
             " is not used while others can be had: it failed this job before; where none can be had it is tried again",
             now.at >= ForgivenAt(avoided) ? std::string() : Cat(" in ", Show(ForgivenAt(avoided) - now.at)));
}

}  // namespace

std::string WhyQueued(const World& world, Now now, const JobState& job) {
  const std::string behind = WaitsBehind(job, QueueNow(world.state));
  return behind.empty() ? WhyNotPlaced(job, FitFor(world, job, TakenHosts(world.state), now.at)) : behind;
}

std::string PhaseAndWhy(const JobView& job) {
  const std::string phase = Cat(Name(job.phase), ": ");
  return job.why.starts_with(phase) ? job.why : phase + job.why;
}

Explanation Explain(const World& world, Now now, const JobState& job) {
  Explanation explanation{.job = ViewOf(world, now, job)};
  std::vector<std::string>& says = explanation.sentences;
  says.push_back(PhaseAndWhy(explanation.job));
  if (explanation.job.queue_position)
    says.push_back(Cat("queue position ", *explanation.job.queue_position, ", priority ", job.spec.priority));
  if (explanation.job.why.starts_with("waits behind")) {  // what it would still lack then
    const Fit fit = FitFor(world, job, TakenHosts(world.state), now.at);
    if (fit.hosts.size() < HostsFor(job.spec)) says.push_back(WhyNotPlaced(job, fit));
  }
  if (job.phase == JobPhase::recovering || job.phase == JobPhase::stopping)
    for (std::size_t i = 1; i < job.live.size(); ++i)
      says.push_back(WhyStillThere(world, now, job.live[i]));  // the first is in its why
  for (const NodeId& id : job.hosts)
    if (const NodeState* node = NodeIn(world.state, id); node && node->drain && !Ended(job.phase))
      says.push_back(
          Cat(id, " is ", DrainText(*node, now.at), "; it keeps the job until that ends or starts anew, and gets no other"));
  for (const NodeId& id : job.hosts)
    if (const NodeState* node = NodeIn(world.state, id); node && node->quarantine && !Ended(job.phase))
      says.push_back(Cat(id, " is ", QuarantineText(*node, now.at)));
  for (const AvoidedHost& avoided : job.avoid) says.push_back(WhyAvoided(now, avoided));
  if (job.restarts_total > 0)
    says.push_back(Cat("restarted ", job.restarts_total, job.restarts_total == 1 ? " time, " : " times, ",
                       RestartsInWindow(job, now.at), " of ", job.spec.restart.budget, " within ",
                       Show(job.spec.restart.window)));
  if (!job.incidents.empty()) says.push_back(LastIncident(job));
  if (const CheckpointRecord* newest = NewestOffered(job))
    says.push_back(Cat("a restart resumes from ", newest->id, " (", newest->seen.path, "; ", newest->seen.why, ")"));
  else if (job.spec.checkpoint)
    says.push_back(Cat("a restart begins at the start: ", NoCheckpoint(job)));
  for (const CheckpointRecord& record : job.checkpoints)
    if (!record.offered) says.push_back(record.why_not);
  return explanation;
}

}  // namespace everstep
