#include "launcher/core/generation.h"

#include <algorithm>
#include <map>

#include "base/contains.h"
#include "launcher/core/blame.h"
#include "launcher/core/hang.h"
#include "launcher/core/incidents.h"
#include "launcher/core/preflight.h"
#include "launcher/core/sentence.h"

namespace everstep {

namespace {

GenerationBroken Broken(const World& world, const JobState& job, const NodeId& node, std::string cause) {
  GenerationBroken broken{.job = job.id, .generation = job.generation, .node = node, .grace = world.policy.recovery_grace};
  broken.why = Sentence(OneLine(cause, 700), "; generation ", job.generation, " is stopped");
  broken.cause = std::move(cause);
  return broken;
}
GenerationBroken HostBroken(const World& world, const JobState& job, const NodeId& node, std::string cause) {
  GenerationBroken broken = Broken(world, job, node, std::move(cause));
  broken.host_failed = true;
  return broken;
}

// A host of the generation that left the membership or lives another life.
std::optional<GenerationBroken> HostGone(const World& world, const JobState& job) {
  for (const NodeId& id : job.hosts) {
    const NodeState* node = NodeIn(world.state, id);
    if (!node) return HostBroken(world, job, id, Cat(id, " is not known any more"));
    if (!node->member) return HostBroken(world, job, id, node->why);
  }
  for (const LiveGang& gang : job.live) {
    const NodeState* node = gang.generation == job.generation ? NodeIn(world.state, gang.node) : nullptr;
    if (node && node->boot != gang.boot) return HostBroken(world, job, gang.node, Cat(gang.node, " was rebooted"));
  }
  return std::nullopt;
}

// The gang as the host says now; nullptr: it says nothing.
const GangStatus* Heard(const World& world, const JobState& job, const NodeId& node) {
  const HostNow* host = HostIn(world, node);
  return host && host->connected ? GangOn(world, node, job.id, job.generation) : nullptr;
}

bool RefusesCheckpoint(const GangStatus& gang) {
  return gang.phase == GangPhase::refused && gang.refusal == Refusal::checkpoint;
}

Facts Refused(const World& world, const JobState& job, const NodeId& node, const GangStatus& gang) {
  GenerationBroken broken = HostBroken(world, job, node, Sentence(node, " refused: ", Said(gang.why)));
  const Refusal kind = gang.refusal.value_or(Refusal::host);
  if (kind == Refusal::host) broken.refusal = Said(gang.why);
  switch (kind) {
    case Refusal::spec:
      return {JobStopping{job.id,
                          JobPhase::failed,
                          1,
                          0s,
                          Sentence(broken.cause, "; no host can run this job"),
                          {.kind = BlameClass::user, .node = node}}};
    case Refusal::port: broken.port_taken = true; break;
    case Refusal::host:
    case Refusal::checkpoint:
    case Refusal::leftovers: broken.avoid_node = true;
  }
  return {broken};
}

// A checkpoint that one host has checked and another does not see is that host's trouble (its mount, say). One that nobody sees
// is no checkpoint any more.
Facts CheckpointRefused(const World& world, const JobState& job, const NodeId& node, const GangStatus& gang,
                        bool others_see_it) {
  if (others_see_it || !job.resume) return Refused(world, job, node, gang);
  GenerationBroken broken = HostBroken(world, job, node, Sentence(node, " refused: ", Said(gang.why)));
  broken.checkpoint_gone = true;
  return {CheckpointWithdrawn{job.id, *job.resume,
                              Sentence("checkpoint ", Said(job.resume->value), " is not offered any more: ", Said(gang.why))},
          broken};
}

// Of a job that has never run, two hosts refuse the same: it is the job, not the hosts.
Facts RefusedByMany(const World& world, const JobState& job, const NodeId& first, const GangStatus& gang) {
  if (job.started_at || gang.refusal.value_or(Refusal::host) != Refusal::host) return Refused(world, job, first, gang);
  std::vector<NodeId> alike;
  for (const NodeId& node : job.hosts) {
    const GangStatus* other = Heard(world, job, node);
    if (other && other->phase == GangPhase::refused && WithoutNumbers(other->why) == WithoutNumbers(gang.why))
      alike.push_back(node);
  }
  if (alike.size() < 2) return Refused(world, job, first, gang);
  return {
      JobStopping{job.id,
                  JobPhase::failed,
                  1,
                  0s,
                  Sentence(NamesOf(alike), " refused: ", Said(gang.why), "; it has never run, so it is not tried elsewhere"),
                  {.kind = BlameClass::user}}};
}

// Hosts that see directories of their own under the path of the job's checkpoint directory: what is saved in one of them nobody
// else could resume from.
Facts NotShared(const World& world, const JobState& job) {
  std::map<std::string, std::vector<NodeId>> seen;
  for (const NodeId& node : job.hosts)
    if (const GangStatus* gang = Heard(world, job, node); gang && !gang->checkpoint_dir_id.empty())
      seen[gang->checkpoint_dir_id].push_back(node);
  if (seen.size() < 2 || !job.spec.checkpoint) return {};
  const std::string& dir = job.spec.checkpoint->dir;
  const std::vector<NodeId>* most = &seen.begin()->second;
  std::vector<NodeId> all;
  for (const NodeId& node : job.hosts)
    for (const auto& [id, nodes] : seen)
      if (Contains(nodes, node)) {
        all.push_back(node);
        if (nodes.size() > most->size() || (nodes.size() == most->size() && node == job.hosts.front())) most = &nodes;
      }
  if (most->size() == 1 && !job.started_at)
    return {JobStopping{job.id,
                        JobPhase::failed,
                        1,
                        0s,
                        Sentence("checkpoint dir ", OneLine(dir, 300), " is not shared: ", NamesOf(all),
                                 " each see a directory of their own there; name one that all hosts have mounted"),
                        {.kind = BlameClass::storage}}};
  const auto odd = std::find_if(all.begin(), all.end(), [&](const NodeId& node) { return !Contains(*most, node); });
  GenerationBroken broken = HostBroken(
      world, job, *odd,
      Sentence(*odd, " sees another directory at ", OneLine(dir, 300), " than ", NamesOf(*most), ": is it mounted there?"));
  broken.avoid_node = true;
  return {broken};
}

Facts NotPreparedInTime(const World& world, const JobState& job, const NodeId& node) {
  GenerationBroken broken =
      HostBroken(world, job, node, Cat(node, " has not prepared within ", Show(world.policy.prepare_deadline)));
  const HostNow* host = HostIn(world, node);
  broken.avoid_node = host && host->connected;  // one that is not even there has not failed at preparing
  return {broken};
}

// One failed rank after others of the generation were done: their work is finished and the code fails at its end.
bool SomeRankDone(const World& world, const JobState& job) {
  for (const NodeId& node : job.hosts)
    if (const GangStatus* gang = GangOn(world, node, job.id, job.generation))
      for (const RankStatus& rank : gang->ranks)
        if (rank.exit && EndedWell(*rank.exit)) return true;
  return false;
}

Facts RankFailed(const World& world, const JobState& job, const RankEnd& end, std::vector<RankEnd> ends) {
  const Culprit culprit = Judge(world.policy.blame, end);
  const std::string cause = Sentence(culprit.blame.cause);
  const bool own = culprit.kind != EndClass::victim && culprit.kind != EndClass::port_taken;
  if (own && SomeRankDone(world, job) && !FromOutside(end.exit))
    return {JobStopping{job.id, JobPhase::failed, ShellCode(end.exit), world.policy.recovery_grace,
                        Sentence(cause, "; other ranks were done already, so it is not restarted"), culprit.blame}};
  GenerationBroken broken = Broken(world, job, end.node, cause);
  if (culprit.kind == EndClass::victim)
    broken.why = Sentence(cause, ", which tells of a failure elsewhere; generation ", job.generation, " is stopped");
  broken.ends = std::move(ends);
  return {broken};
}

// Something on a host that ends the generation; empty: it runs, or it is well done. `weakest`: of the ends that count now.
Facts Failure(const World& world, const JobState& job, const NodeId& node, const GangStatus& gang, EndClass weakest) {
  if (gang.phase == GangPhase::refused) return Refused(world, job, node, gang);
  const std::vector<RankEnd> ends = EndsOn(node, gang);
  if (gang.fenced)
    return {HostBroken(world, job, node, Cat(node, " fenced itself: it heard no launcher and no majority of hosts"))};
  for (const RankEnd& end : ends)
    if (Classify(world.policy.blame, end.exit) <= weakest) return RankFailed(world, job, end, ends);
  const auto stopped = [](const RankEnd& end) { return end.exit.stopped_by_us; };
  const std::string why = gang.why.empty() ? "" : Cat(": ", Said(gang.why));
  if (std::any_of(ends.begin(), ends.end(), stopped))
    return {HostBroken(world, job, node, Cat(node, " stopped its ranks", why))};
  if (gang.phase == GangPhase::empty && ends.size() < job.processes_per_node)
    return {HostBroken(world, job, node, Cat(node, " lost its ranks", why))};
  return {};
}

}  // namespace

std::vector<RankEnd> EndsOn(const NodeId& node, const GangStatus& gang) {
  std::vector<RankEnd> ends;
  for (const RankStatus& rank : gang.ranks)
    if (rank.exit) ends.push_back({rank.rank, node, *rank.exit});
  std::stable_sort(ends.begin(), ends.end(), [](const RankEnd& a, const RankEnd& b) { return a.exit.at < b.exit.at; });
  return ends;
}

Facts AdvancePreparing(const World& world, Now now, const JobState& job) {
  if (const auto gone = HostGone(world, job)) return {*gone};
  std::size_t prepared = 0;
  std::optional<NodeId> refused, blind, missing;  // will not; does not see the checkpoint; has not answered
  for (const NodeId& node : job.hosts) {
    const GangStatus* gang = Heard(world, job, node);
    if (gang && RefusesCheckpoint(*gang)) {
      if (!blind) blind = node;
    } else if (gang && gang->phase == GangPhase::refused) {
      if (!refused) refused = node;
    } else if (gang && gang->phase == GangPhase::empty) {
      return {HostBroken(world, job, node, Cat(node, " lost its gang before the start: ", Said(gang->why)))};
    } else if (gang && gang->phase == GangPhase::prepared) {
      ++prepared;
    } else if (!missing) {
      missing = node;
    }
  }
  const bool late = now.at - job.since >= world.policy.prepare_deadline;
  // Before its first start it is worth hearing all: do they refuse the same?
  if (refused && (job.started_at || !missing || late)) return RefusedByMany(world, job, *refused, *Heard(world, job, *refused));
  if (blind && (!missing || late)) return CheckpointRefused(world, job, *blind, *Heard(world, job, *blind), prepared > 0);
  if (missing && late) return NotPreparedInTime(world, job, *missing);
  if (missing || blind || refused) return {};
  if (Facts facts = NotShared(world, job); !facts.empty()) return facts;
  const std::uint64_t ranks = job.hosts.size() * job.processes_per_node;
  if (job.preflight)
    return {GenerationStarted{
        job.id, job.generation,
        Cat("preflight (", Name(job.spec.preflight.Level()), "): ", NamesOf(job.hosts),
            job.hosts.size() == 1 ? " is checked" : " and the network between them are checked", " before the start")}};
  return {GenerationStarted{job.id, job.generation,
                            Cat("generation ", job.generation, " starts: ", Count(ranks, "rank"), " on ",
                                Count(job.hosts.size(), "host"), LostText(job, now.at))}};
}

// The cause may still be on its way from another host, and a stop would take it along.
std::optional<Time> CauseAwaitedUntil(const World& world, const JobState& job) {
  constexpr Duration kCauseWait = 500ms;
  const auto first = world.first_failure.find({job.id, job.generation});
  if (first == world.first_failure.end()) return std::nullopt;
  for (const NodeId& node : job.hosts)
    if (const GangStatus* gang = Heard(world, job, node))
      for (const RankStatus& rank : gang->ranks)
        if (rank.exit && Classify(world.policy.blame, *rank.exit) == EndClass::victim) return first->second + kCauseWait;
  return std::nullopt;
}

// What it found; or what ended it that is no finding: a host that lost its gang or fenced itself, time.
Facts Checking(const World& world, Now now, const JobState& job) {
  const bool own_job = IsHostCheck(job.spec);
  if (Facts over = own_job ? HostCheckOver(world, now, job) : PreflightOver(world, now, job); !over.empty()) return over;
  for (const NodeId& node : job.hosts) {
    const HostNow* host = HostIn(world, node);
    if (!host || !host->connected || !host->report) continue;
    const GangStatus* gang = Heard(world, job, node);
    if (!gang) return {HostBroken(world, job, node, Cat(node, " does not know its gang any more"))};
    const auto ended_by_itself = [](const RankStatus& rank) { return rank.exit && !rank.exit->stopped_by_us; };
    if (std::any_of(gang->ranks.begin(), gang->ranks.end(), ended_by_itself)) continue;  // PreflightOver judges that
    if (Facts failure = Failure(world, job, node, *gang, EndClass::victim); !failure.empty()) return failure;
  }
  if (own_job || now.at < PreflightDue(job)) return {};  // who asks for a check says how long it may last
  GenerationBroken late = Broken(world, job, NodeId(),
                                 Cat("the preflight has not ended within ", Show(PreflightDue(job) - job.generation_started)));
  late.hung = true;
  return {late};
}

Facts AdvanceRunning(const World& world, Now now, const JobState& job) {
  if (const auto gone = HostGone(world, job)) return {*gone};
  if (job.preflight || IsHostCheck(job.spec)) return Checking(world, now, job);
  const auto awaited = CauseAwaitedUntil(world, job);
  const EndClass weakest = awaited && now.at < *awaited ? EndClass::port_taken : EndClass::victim;
  std::size_t good = 0;
  for (const NodeId& node : job.hosts) {
    const HostNow* host = HostIn(world, node);
    if (!host || !host->connected || !host->report) continue;
    const GangStatus* gang = Heard(world, job, node);
    if (!gang) return {HostBroken(world, job, node, Cat(node, " does not know its gang any more"))};
    if (Facts failure = Failure(world, job, node, *gang, weakest); !failure.empty()) return failure;
    const auto well = [](const RankStatus& rank) { return rank.exit && EndedWell(*rank.exit); };
    good += gang->phase == GangPhase::empty && std::all_of(gang->ranks.begin(), gang->ranks.end(), well) ? 1 : 0;
  }
  if (good < job.hosts.size()) {
    auto hung = Hung(world, now, job);
    return hung ? Facts{*std::move(hung)} : Facts();
  }
  const std::uint64_t ranks = job.hosts.size() * job.processes_per_node;
  Facts facts;
  if (job.spec.command.front() == kProbeProgram)
    if (const GangStatus* first = Heard(world, job, job.hosts.front()); first && !first->ranks.empty())
      facts = MeasuredBy(job, first->ranks.front().exit->tail);
  facts.emplace_back(JobStopping{job.id, JobPhase::done, 0, 0s,
                                 Cat(ranks == 1 ? "its rank" : Cat("all ", ranks, " ranks"), " ended with code 0")});
  return facts;
}

Facts CorrectCause(const World& world, const JobState& job) {
  if (job.host_failed || job.judged) return {};
  auto gone = HostGone(world, job);
  if (!gone) return {};
  gone->grace = job.stop_grace;
  gone->why = Sentence(OneLine(gone->cause, 700), "; this is what broke generation ", job.generation);
  return {*gone};
}

}  // namespace everstep
