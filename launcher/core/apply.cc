#include <algorithm>

#include "base/contains.h"
#include "launcher/core/facts.h"
#include "launcher/core/ledger.h"
#include "launcher/core/remember.h"

namespace everstep {

namespace {

// Bounds of what the state remembers; part of the frozen meaning of the facts.
constexpr std::size_t kIncidents = 16;  // of each job
constexpr Duration kPortMemory = 1h;
constexpr std::size_t kAlarms = 64;  // of each host, as these three
constexpr std::size_t kOffences = 32;
constexpr std::size_t kRemedies = 16;
constexpr std::size_t kGpuOffences = 1024;  // of all GPUs
constexpr std::size_t kXids = 1024;         // of all GPUs
constexpr Duration kXidMemory = 24h * 7;
constexpr Duration kRemovalMemory = 1h;
constexpr std::ptrdiff_t kFabricRunsAlike = 32;
constexpr std::size_t kFabricRuns = 512;
constexpr Duration kQuick = 10s;  // a generation that lives no longer than this has broken at its start

void MergeEnds(JobState& job, const std::vector<RankEnd>& ends) {
  for (const RankEnd& end : ends) {
    const auto known = std::find_if(job.ends.begin(), job.ends.end(), [&](const RankEnd& e) { return e.rank == end.rank; });
    if (known == job.ends.end()) job.ends.push_back(end);
  }
}

void Enter(JobState& job, JobPhase phase, const std::string& why, Time at) {
  if (job.phase != phase) job.since = at;
  job.phase = phase;
  job.why = why;
}

void Avoid(JobState& job, const NodeId& node, Time at, const std::string& why = {}) {
  if (node.empty()) return;
  std::erase_if(job.avoid, [&](const AvoidedHost& avoided) { return avoided.node == node; });
  job.avoid.push_back({node, at, why});
}

void AddUnique(std::vector<NodeId>& nodes, const NodeId& node) {
  if (!node.empty() && std::find(nodes.begin(), nodes.end(), node) == nodes.end()) nodes.push_back(node);
}

// A generation has one incident at most: a better explanation replaces the first.
Incident& IncidentOf(JobState& job, const Entry& entry) {
  if (job.incidents.empty() || job.incidents.back().generation != job.generation) {
    if (job.incidents.size() >= kIncidents) job.incidents.erase(job.incidents.begin());
    job.incidents.push_back({.number = ++job.incidents_ever, .generation = job.generation});
    job.incidents.back().at = entry.wall;
    job.incidents.back().broken = entry.at;
  }
  return job.incidents.back();
}

// nullptr: nothing is wrong with the current generation.
Incident* OpenIncident(JobState& job) {
  if (job.incidents.empty() || job.incidents.back().outcome != IncidentOutcome::open) return nullptr;
  return &job.incidents.back();
}

void NoteResume(Incident& incident, const JobState& job, const std::optional<CheckpointId>& resume) {
  incident.resume = resume;
  if (!resume) incident.resume_step = 0;
  for (const CheckpointRecord& record : job.checkpoints)
    if (record.id == resume) incident.resume_step = record.seen.step;
}

class Applier {
 public:
  Applier(State& state, const Entry& entry) : state_(state), entry_(entry) {}

  void operator()(const LauncherStarted& f) {
    state_.epoch = std::max(state_.epoch, f.epoch);
    // While there was no launcher nobody could prepare: the time does not count against the hosts.
    for (auto& [id, job] : state_.jobs)
      if (job.phase == JobPhase::preparing) job.since = entry_.at;
    // A hook has ended with the launcher that ran it: nobody knows how.
    for (auto& [id, node] : state_.nodes)
      if (node.quarantine && node.quarantine->remedy == RemedyPhase::running) node.quarantine->remedy = RemedyPhase::none;
  }

  void operator()(const LauncherHalted& f) { state_.halted = f.cleared ? std::string() : f.why; }
  void operator()(const NodeJoined& f) {
    const auto [it, first] = state_.nodes.try_emplace(f.node);
    NodeState& node = it->second;
    ++state_.membership;
    const std::uint64_t changed = first || !node.member ? state_.membership : node.changed;
    const Time since = first || node.state_id != f.state_id ? entry_.at : node.speaks_since;
    node = {f.node,        f.boot,        f.state_id, since,        f.address,  f.job_address, f.accelerators, f.version,
            true,          changed,       f.why,      node.lost_at, node.drain, node.fabric,   node.alarms,    node.quarantine,
            node.offences, node.remedies, node.gpus};
    std::erase_if(state_.fences, [&](const FenceRecord& r) { return r.node == f.node; });  // it is not off
    if (node.quarantine && node.quarantine->action == HealthAction::replace && node.quarantine->state_id != f.state_id) {
      node.offences.clear();  // another machine
      node.gpus.clear();
      node.remedies.clear();
    }
  }
  void operator()(const NodeSuspected&) {}
  void operator()(const NodeTrusted& f) { Explain(f.node, f.why); }
  void operator()(const EvictionHeld& f) { Explain(f.node, f.why); }
  void operator()(const NodeLost& f) {
    NodeState* node = Node(f.node);
    if (!node || !node->member) return;
    node->member = false;
    node->why = f.why;
    node->changed = ++state_.membership;
    node->lost_at = entry_.at;
  }
  void operator()(const NodeDrained& f) {
    const auto it = state_.nodes.find(f.node);
    if (it == state_.nodes.end()) return;
    const bool again = it->second.drain.has_value();
    Drain& drain = again ? *it->second.drain : it->second.drain.emplace();
    drain = {f.by, f.reason, f.now, again ? drain.since : entry_.at, again ? drain.at : entry_.wall};
  }
  void operator()(const NodeUndrained& f) {
    if (NodeState* node = Node(f.node)) node->drain.reset();
  }
  void operator()(const AlarmRaised& f) {
    const auto it = state_.nodes.find(f.node);
    if (it == state_.nodes.end()) return;
    NodeState& node = it->second;
    std::erase_if(node.alarms, [&](const KnownAlarm& known) {
      return known.alarm.check == f.alarm.check && known.alarm.scope == f.alarm.scope;
    });
    node.alarms.push_back({f.alarm, entry_.wall});
    if (node.alarms.size() > kAlarms) node.alarms.erase(node.alarms.begin());
    if (!f.xid) return;
    state_.xids.push_back({.gpu = f.gpu, .code = *f.xid, .node = f.node, .job = f.job, .at = entry_.at});
    std::erase_if(state_.xids, [&](const XidSeen& seen) { return entry_.at - seen.at > kXidMemory; });
    if (state_.xids.size() > kXids) state_.xids.erase(state_.xids.begin());
  }
  void operator()(const AlarmOver& f) {
    const auto meant = [&](const KnownAlarm& known) { return known.alarm.check == f.check && known.alarm.scope == f.scope; };
    if (NodeState* node = Node(f.node)) std::erase_if(node->alarms, meant);
  }
  void operator()(const AlarmsCleared& f) {
    const auto it = state_.nodes.find(f.node);
    if (it == state_.nodes.end()) return;
    for (KnownAlarm& known : it->second.alarms)
      known.cleared = known.cleared || f.check.empty() || known.alarm.check == f.check;
    const auto meant = [&](const health::Offence& offence) { return f.check.empty() || offence.what == f.check; };
    std::erase_if(it->second.offences, meant);
    std::erase_if(state_.gpu_offences,
                  [&](const health::Offence& offence) { return meant(offence) && Contains(it->second.gpus, offence.who); });
    ForgetGpus();
    if (f.check.empty() || f.check == kXidCheck)
      std::erase_if(state_.xids, [&](const XidSeen& seen) { return seen.node == f.node; });
    if (f.check.empty()) it->second.remedies.clear();
    if (FailedCheck(it->second) && (f.check.empty() || f.check == kFabric)) it->second.fabric.reset();
  }
  // Checks have taken it out of work.
  void Remove(const NodeId& node_id) {
    std::erase_if(state_.removals, [&](const Removal& old) {
      // One that is still out of work stands here as long as it is: who asks which hosts are need not look at all.
      const auto known = state_.nodes.find(old.node);
      const bool out = known != state_.nodes.end() && known->second.quarantine;
      return old.node == node_id || (entry_.at - old.at > kRemovalMemory && !out);
    });
    state_.removals.push_back({node_id, entry_.at});
  }
  // The newest of that code on that GPU; by its host where its UUID was not to be had at both times.
  void MarkRemoved(const NodeQuarantined& f) {
    const auto mark = [&](const auto& is) {
      const auto newest = std::find_if(state_.xids.rbegin(), state_.xids.rend(),
                                       [&](const XidSeen& seen) { return seen.code == *f.xid && is(seen); });
      if (newest == state_.xids.rend()) return false;
      newest->removed = true;
      return true;
    };
    if (!mark([&](const XidSeen& seen) { return seen.gpu == XidGpu(f.gpu, f.node, f.scope); }))
      mark([&](const XidSeen& seen) { return seen.node == f.node; });
  }
  void operator()(const NodeQuarantined& f) {
    const auto it = state_.nodes.find(f.node);
    if (it == state_.nodes.end()) return;
    NodeState& node = it->second;
    const auto job = state_.jobs.find(f.job);
    // Where one that is there already asks for more, it is still one remedy.
    if (f.xid && !(node.quarantine && node.quarantine->xid == f.xid)) MarkRemoved(f);
    node.quarantine = Quarantine{.check = f.check,
                                 .scope = f.scope,
                                 .action = f.action,
                                 .boot = node.boot,
                                 .state_id = node.state_id,
                                 .since = entry_.at,
                                 .at = entry_.wall,
                                 .why = f.cause,
                                 .job = f.job,
                                 .checkpoints = job == state_.jobs.end() ? 0 : job->second.checkpoints_ever,
                                 .xid = f.xid};
    const bool of_gpu = !f.gpu.empty();
    std::vector<health::Offence>& offences = of_gpu ? state_.gpu_offences : node.offences;
    offences.push_back({.who = of_gpu ? f.gpu : f.node.value,
                        .what = f.check,
                        .job = f.job.value,
                        .action = f.action,
                        .at = entry_.at,
                        .where = of_gpu ? f.node.value : std::string()});
    if (offences.size() > (of_gpu ? kGpuOffences : kOffences)) offences.erase(offences.begin());
    if (of_gpu && !Contains(node.gpus, f.gpu)) node.gpus.push_back(f.gpu);
    ForgetGpus();
    Remove(f.node);
  }
  void operator()(const GpusSeen& f) {
    if (NodeState* node = Node(f.node)) node->gpus = f.gpus;
  }
  void operator()(const OffencesTakenBack& f) {
    const auto meant = [&](const health::Offence& offence) { return offence.what == f.check && offence.at >= f.since; };
    for (auto& [id, node] : state_.nodes) std::erase_if(node.offences, meant);
    if (f.check == kXidCheck) std::erase_if(state_.xids, [&](const XidSeen& seen) { return seen.at >= f.since; });
    std::erase_if(state_.gpu_offences, meant);
    ForgetGpus();
  }
  void operator()(const OffencesFaded&) {}  // its time is what it says
  void operator()(const QuarantineOver& f) {
    if (NodeState* node = Node(f.node)) node->quarantine.reset();
  }
  void operator()(const RemedyStarted& f) {
    NodeState* node = Node(f.node);
    if (!node || !node->quarantine) return;
    node->quarantine->remedy = RemedyPhase::running;
    node->quarantine->remedy_why = f.why;
    std::vector<RemedyRecord>& remedies = node->remedies;
    const bool again = std::any_of(remedies.begin(), remedies.end(), [&](const RemedyRecord& record) {
      return record.check == f.check && record.action == f.action && record.at >= node->quarantine->since;
    });
    if (!again) remedies.push_back({f.check, f.action, entry_.at});  // once a quarantine, however often it is run
    if (remedies.size() > kRemedies) remedies.erase(remedies.begin());
  }
  void operator()(const RemedyEnded& f) {
    NodeState* node = Node(f.node);
    if (!node || !node->quarantine || node->quarantine->action != f.action) return;
    node->quarantine->remedy = f.succeeded ? RemedyPhase::succeeded : RemedyPhase::failed;
    node->quarantine->remedy_why = f.why;
  }
  void operator()(const FabricMeasured& f) {
    std::vector<FabricRun>& runs = state_.fabric_runs;
    runs.push_back(f.run);
    runs.back().at = entry_.at;
    const auto alike = [&](const FabricRun& run) {
      return run.provider == f.run.provider && run.test == f.run.test && run.bytes == f.run.bytes && run.hosts == f.run.hosts;
    };
    if (std::count_if(runs.begin(), runs.end(), alike) > kFabricRunsAlike)
      runs.erase(std::find_if(runs.begin(), runs.end(), alike));
    if (runs.size() > kFabricRuns) runs.erase(runs.begin());
  }
  void operator()(const FaultInjected& f) {
    constexpr Duration kTakes = 5s;   // a fault that does not last, until it has been seen
    constexpr Duration kComes = 60s;  // what follows from one that is over
    const Time over = entry_.at + std::max(f.lasts, kTakes);
    if (JobState* job = Current(f.job, f.generation)) job->drill = DrillState{f.why, f.node, f.kind, over, over + kComes};
  }
  void operator()(const DrillNotDone& f) {
    if (JobState* job = Current(f.job, f.generation)) job->drill.reset();
  }
  void operator()(const LauncherKilled&) {}
  void operator()(const FenceStarted& f) {
    std::erase_if(state_.fences, [&](const FenceRecord& r) { return r.node == f.node; });
    state_.fences.push_back({f.node, f.boot, false, false});
  }
  void operator()(const FenceEnded& f) {
    for (FenceRecord& record : state_.fences)
      if (record.node == f.node && record.boot == f.boot) record = {f.node, f.boot, true, f.off};
  }

  void operator()(const JobSubmitted& f) {
    JobState job;
    job.id = f.job;
    job.spec = f.spec;
    job.order = ++state_.last_order;
    job.request_id = f.request_id;
    job.why = f.why;
    job.since = entry_.at;
    job.submitted_at = entry_.wall;
    state_.jobs.emplace(f.job, std::move(job));
  }
  void operator()(const GenerationPlanned& f) {
    JobState* job = Job(f.job);
    if (!job) return;
    if (Incident* incident = OpenIncident(*job)) {
      incident->outcome = IncidentOutcome::restarted;
      incident->planned = entry_.at;
      incident->next = f.why;
      NoteResume(*incident, *job, f.resume);
    }
    job->ledger.at_risk = 0;
    job->pauses = false;
    job->generation = f.generation;
    job->hosts = f.hosts;
    job->spares = f.spares;
    job->processes_per_node = f.processes_per_node;
    job->master_address = f.master_address;
    job->master_port = f.master_port;
    job->resume = f.resume;
    job->started = false;
    job->preflight = f.preflight;
    job->preflight_over = false;
    job->preflights += f.preflight ? 1 : 0;
    job->broken.clear();
    job->broken_on = NodeId();
    job->host_failed = false;
    job->port_taken = false;
    job->checkpoint_gone = false;
    job->moved = false;
    job->hung = false;
    job->refusal.clear();
    job->drill.reset();
    job->step.reset();
    job->judged = false;
    job->give_up.clear();
    job->ends.clear();
    for (const NodeId& node : f.hosts) {
      const auto it = state_.nodes.find(node);
      const NodeState host = it == state_.nodes.end() ? NodeState() : it->second;
      job->live.push_back({f.generation, node, host.boot, host.state_id, state_.membership});
    }
    if (f.restart) {
      job->restarts.push_back(entry_.at);
      ++job->restarts_total;
    }
    std::erase_if(job->restarts, [&](Time t) { return t + job->spec.restart.window < entry_.at; });
    std::erase_if(state_.ports, [&](const PortUse& use) { return use.at + kPortMemory < entry_.at; });
    state_.ports.push_back({f.master_port, f.job, entry_.at});
    Enter(*job, JobPhase::preparing, f.why, entry_.at);
  }
  void operator()(const GenerationStarted& f) {
    JobState* job = Current(f.job, f.generation);
    if (!job) return;
    job->started = true;
    if (!job->incidents.empty() && job->incidents.back().generation.Next() == f.generation)
      job->incidents.back().started = entry_.at;
    if (!job->started_at && !job->preflight) job->started_at = entry_.wall;
    if (!job->first_started && !job->preflight) job->first_started = entry_.at;
    job->generation_started = entry_.at;
    Enter(*job, JobPhase::running, f.why, entry_.at);
  }
  struct Run {
    GangKey gang{};
    PreflightLevel level = PreflightLevel::off;
    std::uint32_t hosts = 0;
  };
  void Passed(const NodeId& id, const Run& run, const std::string& why) {
    const auto it = state_.nodes.find(id);
    if (it == state_.nodes.end()) return;
    std::optional<FabricCheck>& last = it->second.fabric;
    if (last && !last->passed && run.hosts < last->takes) return;
    last = FabricCheck{.passed = true,
                       .at = entry_.at,
                       .boot = it->second.boot,
                       .why = why,
                       .level = run.level,
                       .run = run.gang.Str(),
                       .hosts = run.hosts};
  }
  void Failed(const PreflightEnded::Bad& bad, const Run& run) {
    const auto it = state_.nodes.find(bad.node);
    if (it == state_.nodes.end()) return;
    const std::optional<FabricCheck>& last = it->second.fabric;
    const bool held = HeldBack(it->second);
    const std::uint32_t took = last && !last->passed ? last->takes : 0;  // what the network said stands beside it
    it->second.fabric = FabricCheck{.at = entry_.at,
                                    .boot = it->second.boot,
                                    .why = bad.why,
                                    .level = run.level,
                                    .run = run.gang.Str(),
                                    .takes = std::max(took, bad.takes),
                                    .hosts = run.hosts,
                                    .own = bad.takes == 0,
                                    .given = !bad.stays.empty(),
                                    .put_off = bad.put_off};
    if (!held && bad.stays.empty()) Remove(bad.node);
  }
  void operator()(const HostsChecked& f) {
    const auto job = state_.jobs.find(f.job);
    const std::size_t hosts = job == state_.jobs.end() ? f.passed.size() + f.bad.size() : job->second.hosts.size();
    const Run run{{f.job, f.generation}, f.level, static_cast<std::uint32_t>(hosts)};
    for (const PreflightEnded::Bad& bad : f.bad) Failed(bad, run);
    for (const NodeId& node : f.passed) Passed(node, run, f.why);
  }
  void operator()(const HostHeldBack& f) {
    NodeState* node = Node(f.node);
    if (!node || !PutOff(*node)) return;
    node->fabric->given = false;
    Remove(f.node);
  }
  void operator()(const PreflightEnded& f) {
    JobState* job = Current(f.job, f.generation);
    if (!job) return;
    const Run run{{f.job, f.generation}, job->spec.preflight.Level(), static_cast<std::uint32_t>(job->hosts.size())};
    for (const PreflightEnded::Bad& bad : f.bad) {
      Avoid(*job, bad.node, entry_.at, bad.why);
      Failed(bad, run);
    }
    if (f.bad.empty())  // of a check that was cut short nobody has passed
      for (const NodeId& id : job->hosts) Passed(id, run, f.why);
    job->preflight_over = true;
    job->judged = true;  // it is no failure
    job->broken = f.why;
    job->stop_grace = Duration(0);
    Enter(*job, JobPhase::recovering, f.why, entry_.at);
  }
  void operator()(const GenerationBroken& f) {
    JobState* job = Current(f.job, f.generation);
    if (!job) return;
    job->ledger = AccountedBreak(*job, f.noticed, state_.now);
    const bool quick = !job->started || entry_.at - job->generation_started < kQuick;
    const bool counts = !f.moved && !f.port_taken && !f.checkpoint_gone && job->broken.empty() &&
                        !(job->drill && entry_.at <= job->drill->until);
    if (counts) job->quick_breaks = quick ? job->quick_breaks + 1 : 0;
    job->broken = f.cause;
    job->broken_on = f.node;
    job->host_failed = f.host_failed;
    job->port_taken = f.port_taken;
    job->checkpoint_gone = f.checkpoint_gone;
    job->moved = f.moved;
    job->hung = f.hung;
    job->refusal = f.refusal;
    job->stop_grace = f.grace;
    if (f.avoid_node) Avoid(*job, f.node, entry_.at);
    MergeEnds(*job, f.ends);
    Incident& incident = IncidentOf(*job, entry_);
    if (!incident.noticed) incident.noticed = f.noticed;
    incident.blame.node = f.node;
    incident.blame.cause = f.cause;
    Enter(*job, JobPhase::recovering, f.why, entry_.at);
  }
  void operator()(const HostReleased& f) {
    JobState* job = Job(f.job);
    if (!job) return;
    std::erase_if(job->live, [&](const LiveGang& g) { return g.generation == f.generation && g.node == f.node; });
    if (job->generation != f.generation) return;
    MergeEnds(*job, f.ends);
    if (f.step) job->step = std::max(job->step.value_or(0), *f.step);
    Incident* incident = OpenIncident(*job);
    if (!incident) return;
    incident->step = job->step;
    if (job->live.empty()) incident->stopped = entry_.at;
  }
  void operator()(const FailureJudged& f) {
    JobState* job = Current(f.job, f.generation);
    if (!job) return;
    if (f.progressed) job->fruitless = 0;
    if (f.code) ++job->fruitless;
    job->ports_taken = f.port_taken ? job->ports_taken + 1 : 0;
    job->failed_at = job->step;
    job->progress = f.progress;
    job->signature = f.signature;
    job->exit_code = f.exit_code;
    job->judged = true;
    job->give_up = f.give_up;
    if (f.avoid_node) Avoid(*job, f.node, entry_.at);
    job->broken = f.cause;
    job->why = f.why;
    Incident* incident = OpenIncident(*job);
    if (!incident) return;
    incident->blame = f.blame;
    if (incident->blame.cause.empty()) incident->blame.cause = f.cause;
    if (incident->blame.node.empty()) incident->blame.node = f.node;
  }
  void operator()(const HostForgiven& f) {
    JobState* job = Job(f.job);
    if (job) std::erase_if(job->avoid, [&](const AvoidedHost& avoided) { return avoided.node == f.node; });
  }
  void operator()(const JobWaits& f) {
    JobState* job = Job(f.job);
    if (!job) return;
    job->why = f.why;
    job->pauses = f.pauses;
  }
  void operator()(const SpareAssigned& f) {
    if (JobState* job = Job(f.job)) AddUnique(job->spares, f.node);
  }
  void operator()(const SpareReleased& f) {
    if (JobState* job = Job(f.job)) std::erase(job->spares, f.node);
  }
  void operator()(const CheckpointRegistered& f) {
    JobState* job = Job(f.job);
    if (!job) return;
    if (f.seen.generation == job->generation && !f.seen.was_there) {
      AccountSave(job->ledger);
      job->quick_breaks = 0;
    }
    AddCheckpoint(*job, {f.id, f.seen, true, {}, entry_.wall});
  }
  void operator()(const CheckpointNoted& f) {
    if (JobState* job = Job(f.job)) AddCheckpoint(*job, {f.id, f.seen, false, f.why, entry_.wall});
  }
  void operator()(const CheckpointWithdrawn& f) {
    JobState* job = Job(f.job);
    if (!job) return;
    for (CheckpointRecord& record : job->checkpoints) {
      if (record.id != f.id) continue;
      record.offered = false;
      record.why_not = f.why;
    }
  }
  void operator()(const JobStopping& f) {
    JobState* job = Job(f.job);
    if (!job) return;
    job->outcome = f.outcome;
    job->exit_code = f.exit_code;
    job->stop_grace = f.grace;
    job->give_up = f.why;
    AccountEnd(job->ledger, f.outcome == JobPhase::done);
    job->spares.clear();
    if (f.outcome != JobPhase::done && !OpenIncident(*job)) {
      Incident& incident = IncidentOf(*job, entry_);
      incident.blame = f.blame;
      if (incident.blame.cause.empty()) incident.blame.cause = f.why;
    }
    Enter(*job, JobPhase::stopping, f.why, entry_.at);
  }
  void operator()(const JobEnded& f) {
    JobState* job = Job(f.job);
    if (!job) return;
    job->outcome = f.outcome;
    job->exit_code = f.exit_code;
    job->ended_at = entry_.wall;
    job->spares.clear();
    if (Incident* incident = OpenIncident(*job)) {
      incident->outcome = IncidentOutcome::ended;
      incident->next = f.why;
    }
    Enter(*job, f.outcome, f.why, entry_.at);
    DropOldestEndedJob(state_);
  }

 private:
  // Jobs that have not ended: an end is final.
  JobState* Job(const JobId& id) {
    const auto it = state_.jobs.find(id);
    return it == state_.jobs.end() || Ended(it->second.phase) ? nullptr : &it->second;
  }
  NodeState* Node(const NodeId& id) {
    const auto it = state_.nodes.find(id);
    return it == state_.nodes.end() ? nullptr : &it->second;
  }
  void Explain(const NodeId& node, const std::string& why) {
    NodeState* known = Node(node);
    if (known && known->member) known->why = why;
  }
  // Of whom there is nothing more to be known.
  void ForgetGpus() {
    const auto innocent = [&](const std::string& gpu) {
      return std::none_of(state_.gpu_offences.begin(), state_.gpu_offences.end(),
                          [&](const health::Offence& offence) { return offence.who == gpu; });
    };
    for (auto& [id, node] : state_.nodes) std::erase_if(node.gpus, innocent);
  }
  JobState* Current(const JobId& id, Generation generation) {
    JobState* job = Job(id);
    return job && job->generation == generation ? job : nullptr;
  }

  State& state_;
  const Entry& entry_;
};

}  // namespace

void Apply(State& state, const Entry& entry) {
  state.now = std::max(state.now, entry.at);
  // What a fact changes counts from now on. A break has its own account.
  if (const auto job = state.jobs.find(JobOf(entry.fact)); job != state.jobs.end())
    if (!std::holds_alternative<GenerationBroken>(entry.fact)) job->second.ledger = Accounted(job->second, state.now);
  std::visit(Applier(state, entry), entry.fact);
}

}  // namespace everstep
