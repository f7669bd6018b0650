#include "tests/sim/judge.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "launcher/core/incidents.h"
#include "launcher/core/membership.h"
#include "launcher/core/placement.h"
#include "launcher/core/recovery.h"

namespace everstep::sim {

namespace {

// A host that is gone is evicted within this time by a launcher that can act and may evict.
constexpr Duration kActedOnWithin = 30s;
// The launcher may act on trouble that ended just before.
constexpr Duration kTroubleLasts = 12s;

bool Works(const JobState& job) { return job.phase == JobPhase::preparing || job.phase == JobPhase::running; }

}  // namespace

void Judge::Accuse(const std::string& what) {
  constexpr std::size_t kKept = 10;
  if (outcome_.violations.size() < kKept)
    outcome_.violations.push_back(Cat(Show(agenda_.now().time_since_epoch()), ": ", what));
}

void Judge::Decided(const World& world) {
  news_ = true;
  if (world.state.epoch < epoch_) return;  // a launcher that was superseded: what it decides never becomes durable
  if (world.state.epoch > epoch_) Forget();
  epoch_ = world.state.epoch;
  if (!world.state.halted.empty()) return;
  for (const JobId& job : acknowledged_)
    if (!JobIn(world.state, job)) Accuse(Cat("I11: ", job, " was acknowledged and is not known any more"));
  for (const auto& [id, job] : world.state.jobs) DecidedOn(world, job);
  HeldOnce(world.state);
  Members(world);
}

// A launcher that was killed may have decided what never became durable: nobody was told, and the next one decides again.
void Judge::Forget() {
  seen_.clear();
  member_.clear();
}

void Judge::DecidedOn(const World& world, const JobState& job) {
  JobSeen& seen = seen_[job.id];
  if (job.generation < seen.generation) Accuse(Cat("I2: ", job.id, " went back to generation ", job.generation));
  if (const Generation ran = training_.Newest(job.id); job.generation < ran && !copied_)
    Accuse(Cat("I2: ", job.id, " is at generation ", job.generation, " and ranks of ", ran, " have run"));
  if (Ended(seen.phase) && (job.phase != seen.phase || job.generation != seen.generation))
    Accuse(Cat("I10: ", job.id, " had ended as ", Name(seen.phase), " and is ", Name(job.phase), " now"));
  if (Ended(job.phase) && !job.live.empty()) Accuse(Cat("I9: ", job.id, " has ended with gangs that may live"));
  if (job.generation > seen.generation) {
    if (seen.generation.value > 0) ++outcome_.restarts;
    ResumesSoundly(job);
  }
  for (const LiveGang& gang : job.live)
    if (gang.generation < job.generation && job.started)
      Accuse(
          Cat("I3: ", job.id, ": generation ", job.generation, " started while ", gang.generation, " may live on ", gang.node));
  if (RestartsInWindow(job, world.state.now) > job.spec.restart.budget)
    Accuse(Cat("I12: ", job.id, " has used more than its budget"));
  if (job.fruitless > job.spec.restart.no_progress)
    Accuse(Cat("I12: ", job.id, " was restarted after ", job.fruitless, " failures in a row without progress"));
  if (job.why.empty()) Accuse(Cat("I25: ", job.id, " is ", Name(job.phase), " without a reason"));
  seen = {job.generation, job.phase};
}

// What a generation is offered to resume from is whole, and written by the generation under whose name it was registered.
void Judge::ResumesSoundly(const JobState& job) {
  if (!job.resume || !training_.scripts.contains(job.id)) return;  // a job of an earlier version's log is not of this run
  const auto record = std::find_if(job.checkpoints.begin(), job.checkpoints.end(),
                                   [&](const CheckpointRecord& r) { return r.id == *job.resume; });
  if (record == job.checkpoints.end()) return Accuse(Cat("I6: ", job.id, " resumes from a checkpoint that is not on record"));
  const auto pin = training_.pins.find(record->seen.path);
  if (pin == training_.pins.end() || pin->second.torn)
    return Accuse(Cat("I8: ", job.id, " is offered ", record->seen.path, ", torn"));
  if (pin->second.writer != record->seen.generation)
    Accuse(Cat("I8: ", job.id, " is offered ", record->seen.path, " of generation ", pin->second.writer, " as one of ",
               record->seen.generation));
}

// I5, I24: each host is free, or one job's.
void Judge::HeldOnce(const State& state) {
  std::map<NodeId, JobId> gangs, given;
  const auto take = [this](std::map<NodeId, JobId>& by, const NodeId& node, const JobId& job, std::string_view as) {
    const auto [other, first] = by.try_emplace(node, job);
    if (!first && other->second != job) Accuse(Cat("I5: ", node, " is ", as, " of ", job, " and taken by ", other->second));
  };
  for (const auto& [id, job] : state.jobs) {
    if (Ended(job.phase)) continue;
    for (const LiveGang& gang : job.live) take(gangs, gang.node, id, "host");
    if (Works(job))
      for (const NodeId& node : job.hosts) take(given, node, id, "host");
  }
  for (const auto& [id, job] : state.jobs)
    if (!Ended(job.phase))
      for (const NodeId& node : job.spares) take(given, node, id, "spare");
}

void Judge::Members(const World& world) {
  for (const auto& [id, node] : world.state.nodes) {
    const auto before = member_.find(id);
    if (before != member_.end() && !before->second && node.member) joined_[id] = agenda_.now();
    if (before != member_.end() && before->second && !node.member) {
      ++outcome_.evictions;
      const HostTruth truth = truth_(id);
      const bool trouble = truth.in_trouble || (truth.ended && agenda_.now() - *truth.ended < kTroubleLasts);
      if (!trouble) ++outcome_.evictions_false;
      if (truth.gone) outcome_.detections.push_back(agenda_.now() - truth.since);
      if (calm_) Accuse(Cat("I14: ", id, " was evicted although nothing was wrong with it: ", node.why));
    }
    member_[id] = node.member;
  }
}

// I4: who is gone is not a member for ever, unless too many are silent to tell who is.
void Judge::Tick(const World& world, Time well_since) {
  const Time now = agenda_.now();
  if (2 * SilentMembers(world).size() >= MemberCount(world.state)) held_at_ = now;
  if (!world.state.halted.empty() || now - well_since < kActedOnWithin || now - held_at_ < kActedOnWithin) return;
  for (const auto& [id, node] : world.state.nodes) {
    if (!node.member) continue;
    const HostTruth truth = truth_(id);
    const bool long_a_member = now - joined_[id] >= kActedOnWithin;  // looks may miss a moment in which it was back
    if (truth.unreachable && long_a_member && now - truth.unreachable_since >= kActedOnWithin)
      Accuse(Cat("I4: ", id, " has been ", truth.gone ? "gone" : "out of reach", " for ", Show(now - truth.unreachable_since),
                 " and is a member"));
  }
  for (const auto& [id, job] : world.state.jobs)
    if (job.phase == JobPhase::running) FailureIsSeen(world, job);
  BrokenChecks(world);
  NobodyIsForgotten(world);
  if (std::exchange(news_, false)) Conserved(world);
}

// I4: a rank that has ended badly on a host that can tell so, and its gang still counts as one that runs. Hangs come here too:
// the ranks that wait for one that hangs end by their collective's time-out.
void Judge::FailureIsSeen(const World& world, const JobState& job) {
  const auto failed = training_.FirstFailure({job.id, job.generation});
  if (!failed || agenda_.now() - failed->at < kActedOnWithin) return;
  const NodeId* host = nullptr;
  for (const auto& [id, now] : world.hosts)
    if (id.value == failed->host) host = &id;
  const HostTruth truth = host ? truth_(*host) : HostTruth{};
  const bool trouble = truth.in_trouble || (truth.ended && agenda_.now() - *truth.ended < kActedOnWithin);
  if (!host || trouble || !world.hosts.at(*host).connected) return;
  Accuse(Cat("I4: a rank of ", job.id, '.', job.generation, " ended on ", *host, ' ', Show(agenda_.now() - failed->at),
             " ago, and it counts as running"));
}

// I24: each host is free, or somebody's, or out of work, and what placement would give away is free.
void Judge::Conserved(const World& world) {
  std::set<NodeId> held;
  for (const auto& [id, job] : world.state.jobs) {
    if (Ended(job.phase)) continue;
    for (const LiveGang& gang : job.live) held.insert(gang.node);
    held.insert(job.spares.begin(), job.spares.end());
    if (Works(job)) held.insert(job.hosts.begin(), job.hosts.end());
  }
  const JobState asks{.id = JobId("asks")};
  const Fit fit = FitFor(world, asks, TakenHosts(world.state));
  if (fit.hosts.size() + fit.reasons.size() != world.state.nodes.size())
    Accuse(
        Cat("I24: of ", world.state.nodes.size(), " hosts ", fit.hosts.size(), " are free and ", fit.reasons.size(), " not"));
  for (const NodeId& node : fit.hosts) {
    const NodeState* known = NodeIn(world.state, node);
    if (held.contains(node) || !known || !known->member || known->drain || known->quarantine)
      Accuse(Cat("I24: ", node, " counts as free and is ", held.contains(node) ? "held" : "out of work"));
  }
}

bool Judge::AllEnded() const {
  return std::all_of(acknowledged_.begin(), acknowledged_.end(), [this](const JobId& job) {
    const auto seen = seen_.find(job);
    return seen != seen_.end() && Ended(seen->second.phase);
  });
}

void Judge::End(const World* world, bool quiet, std::size_t unanswered) {
  if (!Convinced()) {
    outcome_.halted = Halted(world);
    if (outcome_.halted) return Count();  // an operator has to say which of the two logs is the one: nothing ends until then
    if (!world) Accuse("I1: there is no launcher although all faults are over");
    for (const auto& [id, seen] : seen_)
      if (world && !Ended(seen.phase))
        Accuse(Cat("I1: ", id, " is still ", Name(seen.phase), ": ", JobIn(world->state, id)->why));
    if (world) NobodyIsKept(*world);
    if (unanswered > 0) Accuse(Cat("I1: ", unanswered, " submits were never answered"));
    for (const GangKey& gang : training_.Running()) Accuse(Cat("I9: ranks of ", gang.Str(), " still run"));
    if (world && quiet && durable_ != world->state) Accuse("I13: the log does not give the state that the launcher has");
  }
  Count();
}

// Of jobs that have ended, and of what it took.
void Judge::Count() {
  for (const auto& [id, job] : durable_.jobs) {
    if (!acknowledged_.contains(id)) continue;
    outcome_.done += job.phase == JobPhase::done ? 1u : 0u;
    outcome_.failed += job.phase == JobPhase::failed ? 1u : 0u;
    outcome_.cancelled += job.phase == JobPhase::cancelled ? 1u : 0u;
    for (const Incident& incident : job.incidents)
      if (const IncidentView view = ViewOf(job, incident); view.lost) {
        outcome_.recoveries.push_back(*view.lost);
        const auto part = [](std::optional<Duration> d) { return d.value_or(Duration(0)); };
        if (part(view.noticing) + part(view.stopping) + part(view.placing) + part(view.preparing) != *view.lost)
          Accuse(Cat("I22: the parts of incident ", view.number, " of ", id, " do not add up to ", Show(*view.lost)));
      }
  }
}

}  // namespace everstep::sim
