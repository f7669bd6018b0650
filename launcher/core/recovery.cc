#include "launcher/core/recovery.h"

#include <algorithm>

#include "base/contains.h"
#include "base/text.h"
#include "launcher/core/blame.h"
#include "launcher/core/host_health.h"
#include "launcher/core/incidents.h"
#include "launcher/core/placement.h"
#include "launcher/core/preflight.h"
#include "launcher/core/sentence.h"

namespace everstep {

namespace {

// So many taken ports in a row cost no restart: another one is found at once. Beyond, something else is wrong.
constexpr std::uint32_t kPortsFree = 5;

// The newest step that is known to be reached: from a registered checkpoint or from the ranks' own words.
std::optional<std::uint64_t> StepReached(const JobState& job) {
  std::optional<std::uint64_t> step = job.progress;
  const auto raise = [&step](std::optional<std::uint64_t> to) {
    if (to && (!step || *to > *step)) step = to;
  };
  for (const CheckpointRecord& record : job.checkpoints)
    if (record.offered) raise(record.seen.step);
  raise(job.step);
  return step;
}

// A checkpoint of this generation that was registered is progress even when its name has no step.
bool NewCheckpoint(const JobState& job) {
  return std::any_of(job.checkpoints.begin(), job.checkpoints.end(),
                     [&](const CheckpointRecord& r) { return r.offered && r.seen.generation == job.generation; });
}

// Failures of the code in a row without progress, this one included.
std::uint32_t Fruitless(const JobState& job, const FailureJudged& judged) {
  return (judged.progressed ? 0 : job.fruitless) + (judged.code ? 1 : 0);
}

// `culprit`: nullptr unless a rank is to blame.
std::string GiveUp(Now now, const JobState& job, const FailureJudged& judged, const Culprit* culprit) {
  const RestartSpec& restart = job.spec.restart;
  if (job.moved) return {};
  if (culprit && Contains(restart.no_restart, judged.exit_code))
    return Cat("exit code ", judged.exit_code, " is listed as no_restart");
  if (culprit && culprit->retry == RetryRule::never && !judged.avoid_node)
    return Cat("it would fail the same way again: ", culprit->blame.means);
  if (judged.port_taken && job.ports_taken < kPortsFree) return {};
  if (job.checkpoint_gone) return {};  // ends by itself: each time there is one less
  // Once it has run, what all hosts lack may come back: a mount, say.
  if (!job.refusal.empty() && !job.started_at && judged.signature == job.signature)
    return "two hosts refused it in the same words, and it has never run";
  const std::uint32_t used = RestartsInWindow(job, now.at);
  if (used >= restart.budget)
    return Cat("the restart budget is used up: ", used, " of ", restart.budget, " within ", Show(restart.window));
  const bool repeated = culprit && !FromOutside(culprit->end.exit) && judged.signature == job.signature;
  if (judged.code && repeated && job.step && job.step == job.failed_at)
    return Cat("the same failure twice at step ", *job.step);
  if (judged.code && Fruitless(job, judged) >= restart.no_progress)
    return Cat(Count(Fruitless(job, judged), "failure"), restart.no_progress == 1 ? "" : " in a row",
               " without a newer checkpoint or step (restart.no_progress: ", restart.no_progress, ")");
  return {};
}

// A host that is gone tells no exits, but what its ranks wrote before may say what was wrong with it: the first line that the
// rules know as a cause.
void AddLastWords(const World& world, const JobState& job, Blame& blame) {
  const HostNow* host = HostIn(world, blame.node);
  if (!host || !job.host_failed) return;
  const auto words = host->last_words.find({job.id, job.generation});
  if (words == host->last_words.end()) return;
  for (const RankWords& rank : words->second) {
    const auto found = world.policy.blame.Find({.code = 1, .tail = rank.tail});
    if (!found || found->line.empty() || found->rule->role != BlameRole::cause) continue;
    blame.kind = found->rule->blame;
    blame.rank = rank.rank;
    blame.means = found->rule->means;
    blame.cause += Cat("; rank ", rank.rank, " there wrote last: ", found->line);
    return;
  }
}

Blame BlameOf(const World& world, const JobState& job, const FailureJudged& judged, const Culprit* culprit) {
  if (culprit) return culprit->blame;
  Blame blame{.kind = BlameClass::host, .node = judged.node, .cause = judged.cause};
  if (!job.moved && !job.checkpoint_gone && job.refusal.empty()) AddLastWords(world, job, blame);
  if (!job.refusal.empty()) blame.kind = ClassOfRefusal(world.policy.blame, job.refusal);
  if (job.checkpoint_gone) blame.kind = BlameClass::storage;
  if (job.moved) blame.kind = BlameClass::preemption;
  if (job.hung) blame.kind = BlameClass::unknown;
  return blame;
}

// In time, and on the host that the drill was for; or a rank that died of what happened there.
bool ByDrill(const JobState& job, const FailureJudged& judged, const Culprit* culprit) {
  if (!job.drill || job.incidents.empty() || job.incidents.back().broken > job.drill->until) return false;
  return judged.node == job.drill->node || job.hung || (culprit && culprit->kind == EndClass::victim);
}

// Another host is free for the job, so that this one need not be taken again.
bool CanMove(const World& world, const JobState& job) {
  const std::vector<NodeId> hosts = EligibleHosts(world, job);
  return std::any_of(hosts.begin(), hosts.end(), [&](const NodeId& id) { return !Contains(job.hosts, id); });
}

void JudgeRank(const World& world, const JobState& job, const Culprit& culprit, FailureJudged& judged) {
  judged.node = culprit.end.node;
  judged.cause = culprit.blame.cause;
  judged.signature = culprit.signature;
  judged.exit_code = ShellCode(culprit.end.exit);
  judged.avoid_node =
      Contains(job.spec.restart.new_host, judged.exit_code) || (culprit.retry == RetryRule::avoid && CanMove(world, job));
  judged.port_taken = culprit.kind == EndClass::port_taken && Mentions(culprit.end.exit.tail, job.master_port);
  judged.code = !judged.avoid_node && !judged.port_taken && culprit.retry != RetryRule::budget;
}

std::string Verdict(const JobState& job, const FailureJudged& judged) {
  if (judged.port_taken) return "counts as no failure: another port will do";
  if (job.checkpoint_gone) return "counts as no failure: no host sees the checkpoint";
  if (job.moved) return "counts as no failure: its host is out of work";
  const bool rank = judged.blame.rank.has_value();
  const std::string kind = rank ? Cat(" (class ", Name(judged.blame.kind), ')') : std::string();
  if (!judged.code)
    return Cat(
        rank && !judged.avoid_node && !job.host_failed ? "counts against the budget only" : "counts as the host's failure",
        kind);
  return Cat("counts as failure ", Fruitless(job, judged), " of ", job.spec.restart.no_progress, kind);
}

std::string ResumeText(const JobState& job, const CheckpointRecord* resume) {
  if (!job.spec.checkpoint) return "from the start (no checkpoint dir)";
  if (!resume && job.checkpoints.empty()) return "from the start (no checkpoint yet)";
  if (!resume) return Cat("from the start (none of ", Count(job.checkpoints.size(), "checkpoint"), " can be resumed from)");
  return resume->seen.step ? Cat("resuming from step ", *resume->seen.step) : Cat("resuming from ", Said(resume->seen.source));
}

void Complete(const World& world, Now now, const JobState& job, GenerationPlanned& plan) {
  plan.job = job.id;
  plan.generation = job.generation.Next();
  plan.preflight = NeedsPreflight(world.state, now.at, job.spec, plan.hosts);
  plan.processes_per_node = plan.preflight ? 1 : ProcessesPerNode(world.state, job.spec, plan.hosts);
  plan.master_port = ChoosePort(world, now.at);
  const NodeState* first = NodeIn(world.state, plan.hosts.front());
  plan.master_address = first ? first->job_address : std::string();
  if (const CheckpointRecord* resume = NewestOffered(job); resume && !plan.preflight) plan.resume = resume->id;
}

// Where to read more; empty: it was no rank.
std::string CulpritsWords(const JobState& job) {
  if (job.incidents.empty() || !job.incidents.back().blame.rank) return {};
  return Cat("; its words: ", LogsCommand(job.id, job.generation, job.incidents.back().blame.rank));
}

// Replacements for the hosts that cannot go on; `why_not` says what is missing when there is none.
struct Ladder {
  std::vector<NodeId> hosts{};
  std::vector<NodeId> spares{};
  std::vector<std::string> moves{};  // "n4 takes rank 1 from n2"
  std::string why_not{};
};

// "rank 1", or "ranks 8-15"
std::string RanksOf(const JobState& job, std::size_t node_rank) {
  const std::uint64_t first = node_rank * job.processes_per_node;
  return job.processes_per_node <= 1 ? Cat("rank ", first) : Cat("ranks ", first, '-', first + job.processes_per_node - 1);
}

Ladder Climb(const World& world, const JobState& job) {
  Ladder ladder;
  const Taken taken = TakenHosts(world.state);
  std::vector<NodeId> fresh = FitFor(world, job, taken).hosts;
  std::erase_if(fresh, [&](const NodeId& id) { return Contains(job.hosts, id); });
  std::stable_partition(fresh.begin(), fresh.end(), [&](const NodeId& id) { return Contains(job.spares, id); });
  for (std::size_t i = 0; i < job.hosts.size(); ++i) {
    const NodeId& old = job.hosts[i];
    const std::string reason = NotEligible(world, job, old, taken);
    if (reason.empty()) {
      ladder.hosts.push_back(old);
      continue;
    }
    // A suspect may be back in a moment, and a host that a returning launcher has not heard yet as well: do not move on
    // suspicion.
    const NodeState* known = NodeIn(world.state, old);
    const bool undecided =
        known && known->member && !OutOfWork(world.state, *known) && !Avoids(job, old) && !TakenByAnother(taken, job, old);
    if (undecided || fresh.empty()) {
      if (!ladder.why_not.empty()) continue;
      ladder.why_not = undecided ? Cat("waits for ", old, ", which ", reason)
                                 : Cat("waits for a host in place of ", old, ", which ", reason);
      continue;
    }
    ladder.hosts.push_back(fresh.front());
    ladder.moves.push_back(Cat(fresh.front(), " takes ", RanksOf(job, i), " from ", old));
    fresh.erase(fresh.begin());
  }
  for (const NodeId& id : job.spares)
    if (!Contains(ladder.hosts, id) && !Avoids(job, id)) ladder.spares.push_back(id);
  return ladder;
}

// A job that has never run and was refused by every host there is. Empty: some host has not been tried.
std::string NobodyLeft(const World& world, const JobState& job) {
  const auto may = [&](const NodeId& id) { return job.spec.hosts.empty() || Contains(job.spec.hosts, id.value); };
  const auto fit = [&](const auto& entry) { return entry.second.member && may(entry.first) && !Avoids(job, entry.first); };
  if (job.preflight_over && std::none_of(world.state.nodes.begin(), world.state.nodes.end(), fit))
    return "there is no host that has not failed its preflight, or this job";
  if (job.refusal.empty() || job.started_at) return {};
  for (const auto& [id, node] : world.state.nodes)
    if (node.member && !Avoids(job, id)) return {};
  return "it has never run, and there is no host that has not refused it";
}

// A disk that was full once may have room by now. What it costs when it has not is a restart of the budget.
std::optional<HostForgiven> Forgive(Now now, const JobState& job) {
  for (const AvoidedHost& avoided : job.avoid)
    if (Forgivable(avoided) && now.at >= ForgivenAt(avoided))
      return HostForgiven{job.id, avoided.node,
                          Sentence(avoided.node, " failed ", job.id, ' ', Show(now.at - avoided.since),
                                   " ago, and no other host can be had: it may try again")};
  return std::nullopt;
}

}  // namespace

Duration BackOff(std::uint32_t quick_breaks) {
  constexpr std::uint32_t kAtOnce = 2;  // what passes by itself has passed by then, most often
  constexpr Duration kMost = 60s;
  if (quick_breaks <= kAtOnce) return 0ns;
  return std::min<Duration>(kMost, 1s * (std::int64_t{1} << std::min(quick_breaks - kAtOnce - 1, 10u)));
}

Time RestartNotBefore(const JobState& job) {
  return job.since + (job.preflight_over ? Duration(0) : BackOff(job.quick_breaks));
}

bool Forgivable(const AvoidedHost& avoided) { return avoided.why.empty(); }
Time ForgivenAt(const AvoidedHost& avoided) { return avoided.since + 5min; }

const CheckpointRecord* NewestOffered(const JobState& job) {
  const CheckpointRecord* newest = nullptr;
  for (const CheckpointRecord& record : job.checkpoints) {
    if (!record.offered) continue;
    const bool older = newest && newest->seen.step && record.seen.step && *record.seen.step < *newest->seen.step;
    if (!older) newest = &record;
  }
  return newest;
}

std::uint32_t RestartsInWindow(const JobState& job, Time now) {
  return static_cast<std::uint32_t>(
      std::count_if(job.restarts.begin(), job.restarts.end(), [&](Time t) { return now - t <= job.spec.restart.window; }));
}

Facts JudgeFailure(const World& world, Now now, const JobState& job) {
  FailureJudged judged{.job = job.id, .generation = job.generation, .cause = job.broken};
  judged.progress = StepReached(job);
  judged.progressed = NewCheckpoint(job) || (judged.progress && (!job.progress || *judged.progress > *job.progress));
  const auto culprit = job.host_failed || job.hung ? std::nullopt : FindCulprit(world.policy.blame, job.ends);
  if (culprit) {
    JudgeRank(world, job, *culprit, judged);
  } else {
    judged.node = job.broken_on;
    judged.signature = job.refusal.empty() ? "host failed" : Cat("refused: ", OneLine(WithoutNumbers(job.refusal), 200));
    judged.port_taken = job.port_taken;
  }
  if (job.hung) {
    judged.signature = "hangs";
    judged.code = true;
  }
  const bool by_drill = ByDrill(job, judged, culprit ? &*culprit : nullptr);
  if (by_drill) judged.code = false;                                       // it proves nothing about the code
  if (job.moved || job.checkpoint_gone) judged.signature = job.signature;  // says nothing about the failure before
  judged.blame = BlameOf(world, job, judged, culprit ? &*culprit : nullptr);
  if (by_drill) judged.blame.means = job.drill->why;
  judged.give_up = GiveUp(now, job, judged, culprit ? &*culprit : nullptr);
  const std::string found = judged.blame.cause == job.broken ? std::string() : Cat(": ", OneLine(judged.blame.cause, 600));
  judged.why = Sentence(by_drill ? "a drill: counts against the budget only" : Verdict(job, judged), found,
                        judged.give_up.empty() ? "" : "; gives up: ", judged.give_up);
  return {judged};
}

Facts PlanRecovery(const World& world, Now now, const JobState& job) {
  if (!job.give_up.empty())
    return {JobEnded{job.id, JobPhase::failed, job.exit_code.value_or(1),
                     Sentence(OneLine(job.broken, 600), "; gave up: ", job.give_up)}};
  if (now.at < RestartNotBefore(job)) {
    const std::string why =
        Sentence(OneLine(job.broken, 500), "; it broke ", job.quick_breaks,
                 " times in a row within 10 s of its start: started again ", Show(BackOff(job.quick_breaks)), " after that");
    return why == job.why ? Facts() : Facts{JobWaits{job.id, why, true}};
  }
  Ladder ladder = Climb(world, job);
  if (!ladder.why_not.empty()) {
    if (const std::string hopeless = NobodyLeft(world, job); !hopeless.empty())
      return {JobEnded{job.id, JobPhase::failed, 1, Sentence(OneLine(job.broken, 600), "; gave up: ", hopeless)}};
    if (const auto forgiven = Forgive(now, job)) return {*forgiven};
    const std::string why = Sentence(OneLine(job.broken, 600), "; ", ladder.why_not);
    if (why == job.why) return {};
    return {JobWaits{job.id, why}};
  }
  GenerationPlanned plan;
  plan.hosts = std::move(ladder.hosts);
  plan.spares = std::move(ladder.spares);
  plan.restart =
      !job.moved && !job.checkpoint_gone && !job.preflight_over && (job.ports_taken == 0 || job.ports_taken > kPortsFree);
  Complete(world, now, job, plan);
  const std::string where =
      ladder.moves.empty() ? std::string("all hosts go on in place") : FirstOf(std::move(ladder.moves), ", ");
  const std::string cost = plan.restart ? Cat("restart ", RestartsInWindow(job, now.at) + 1, " of ", job.spec.restart.budget)
                           : job.moved || job.checkpoint_gone || job.preflight_over
                               ? std::string("no restart is counted")
                               : Cat("port ", plan.master_port, " now, no restart is counted");
  if (job.preflight_over)
    plan.why = Sentence(OneLine(job.broken, 600), "; ", where);
  else
    plan.why = Sentence(OneLine(job.broken, 400), "; ", where, ", ", ResumeText(job, NewestOffered(job)), " (", cost, ')',
                        CulpritsWords(job));
  return {plan};
}

GenerationPlanned PlanFirst(const World& world, Now now, const JobState& job, const std::vector<NodeId>& hosts,
                            const std::vector<NodeId>& spares) {
  GenerationPlanned plan;
  plan.hosts = hosts;
  plan.spares = spares;
  Complete(world, now, job, plan);
  const std::string with =
      spares.empty() ? "" : Cat(" with ", NamesOf(spares), spares.size() == 1 ? " as spare" : " as spares");
  plan.why = Sentence("placed on ", NamesOf(hosts), with);
  return plan;
}

}  // namespace everstep
