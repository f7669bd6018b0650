// What the judge sees in the log: the same entries that a launcher would read back, as soon as they are durable.

#include <algorithm>
#include <variant>

#include "base/text.h"
#include "launcher/core/recovery.h"
#include "launcher/daemon/codec.h"
#include "tests/sim/judge.h"

namespace everstep::sim {

namespace {

std::vector<std::string> EntriesOf(const std::vector<Batch>& batches) {
  std::vector<std::string> entries;
  for (const Batch& batch : batches) entries.insert(entries.end(), batch.entries.begin(), batch.entries.end());
  return entries;
}

}  // namespace

void Judge::Loaded(const std::vector<std::string>& entries) {
  for (const std::string& entry : entries) Fold(entry);
}

void Judge::Uncertain(const std::vector<Batch>& batches) { uncertain_.push_back(EntriesOf(batches)); }

// I11, I13: what was acknowledged is there, byte for byte; what was not is there whole or not at all; and a snapshot is what
// its entries give.
void Judge::Opened(const Recovered& recovered) {
  const std::uint64_t base = recovered.first.value - 1;
  const std::size_t end = base + recovered.entries.size();
  if (end < log_.size()) return Accuse(Cat("I11: ", log_.size() - end, " entries of the log were acknowledged and are gone"));
  for (std::size_t i = base; i < log_.size(); ++i)
    if (recovered.entries[i - base] != log_[i]) return Accuse(Cat("I11: entry ", i + 1, " of the log is another one now"));
  std::vector<std::string> more(recovered.entries.begin() + static_cast<std::ptrdiff_t>(log_.size() - base),
                                recovered.entries.end());
  if (!more.empty() && std::find(uncertain_.begin(), uncertain_.end(), more) == uncertain_.end())
    Accuse(Cat("I11: ", more.size(), " entries stand in the log that nobody wrote as one group"));
  uncertain_.clear();
  if (recovered.snapshot) {
    State state;
    for (std::size_t i = 0; i < recovered.snapshot->index.value; ++i)
      if (const auto entry = DecodeEntry(log_[i])) Apply(state, *entry);
    if (EncodeState(state) != recovered.snapshot->bytes) Accuse("I13: the snapshot is not what its entries give");
  }
  for (const std::string& entry : more) Fold(entry);
}

void Judge::Durable(LogIndex first, const std::vector<Batch>& batches) {
  if (first.value != log_.size() + 1)
    return Accuse(Cat("I13: entry ", first, " became durable where ", log_.size() + 1, " is due"));
  for (const std::string& entry : EntriesOf(batches)) Fold(entry);
}

void Judge::Fold(const std::string& bytes) {
  log_.push_back(bytes);
  const auto entry = DecodeEntry(bytes);
  if (!entry) return Accuse("I13: an entry of the log cannot be read");
  Entry timeless = *entry;
  timeless.wall = {};
  for (const char c : EncodeEntry(timeless))
    outcome_.decisions = (outcome_.decisions ^ static_cast<unsigned char>(c)) * 0x100000001b3u;  // FNV-1a
  BeforeFact(*entry);
  BeforeHealthFact(*entry);
  Apply(durable_, *entry);
  AfterFact(*entry);
  AfterHealthFact(*entry);
}

void Judge::BeforeFact(const Entry& entry) {
  const Fact& fact = entry.fact;
  if (WhyOf(fact).empty()) Accuse(Cat("I25: a fact without a reason: ", KindOf(fact)));
  if (entry.at < durable_.now) Accuse("I18: the log's time goes back");
  if (const auto* started = std::get_if<LauncherStarted>(&fact)) {
    if (started->epoch <= durable_.epoch) Accuse(Cat("I2: epoch ", started->epoch, " after ", durable_.epoch));
    suspected_.clear();
  }
  if (const auto* suspected = std::get_if<NodeSuspected>(&fact)) suspected_.insert(suspected->node);
  if (const auto* trusted = std::get_if<NodeTrusted>(&fact)) suspected_.erase(trusted->node);
  if (const auto* joined = std::get_if<NodeJoined>(&fact)) suspected_.erase(joined->node);
  if (std::get_if<JobSubmitted>(&fact)) ++submitted_;
  HostTime(entry);
  Breaks(entry);
  if (const auto* lost = std::get_if<NodeLost>(&fact)) Lost(*lost);
  if (const auto* planned = std::get_if<GenerationPlanned>(&fact)) {
    Planned(*planned, entry.at);
    RestartsInTime(*planned, entry.at);
  }
  if (const auto* broken = std::get_if<GenerationBroken>(&fact); broken && broken->cause.empty())
    Accuse(Cat("I25: ", broken->job, " is broken without a cause"));
}

// I14: the half rule. I25: nobody is evicted who was not suspected first.
void Judge::Lost(const NodeLost& fact) {
  std::size_t members = 0, silent = 0;
  for (const auto& [id, node] : durable_.nodes) {
    members += node.member ? 1u : 0u;
    silent += node.member && suspected_.contains(id) ? 1u : 0u;
  }
  if (2 * silent >= members)
    Accuse(Cat("I14: ", fact.node, " is evicted while ", silent, " of ", members, " members are silent"));
  if (!suspected_.contains(fact.node)) Accuse(Cat("I25: ", fact.node, " is evicted and was never suspected"));
}

void Judge::Planned(const GenerationPlanned& fact, Time at) {
  const auto job = durable_.jobs.find(fact.job);
  if (job != durable_.jobs.end() && fact.generation <= job->second.generation)
    Accuse(Cat("I2: ", fact.job, ": generation ", fact.generation, " is planned after ", job->second.generation));
  const auto used = ports_.find(fact.master_port);
  if (used != ports_.end() && at - used->second < port_rest_)
    Accuse(Cat("I5: port ", fact.master_port, " is given to ", fact.job, " ", Show(at - used->second), " after its last use"));
  ports_[fact.master_port] = at;
  std::vector<NodeId> all = fact.hosts;
  all.insert(all.end(), fact.spares.begin(), fact.spares.end());
  for (const NodeId& id : all) {
    const auto node = durable_.nodes.find(id);
    if (node == durable_.nodes.end() || !node->second.member) Accuse(Cat("I5: ", fact.job, " is given ", id, ", no member"));
    if (node != durable_.nodes.end() && node->second.drain) Accuse(Cat("I16: ", fact.job, " is given ", id, ", drained"));
    if (node != durable_.nodes.end() && node->second.quarantine)
      Accuse(Cat("I26: ", fact.job, " is given ", id, ", in quarantine"));
  }
}

void Judge::AfterFact(const Entry& entry) {
  const Fact& fact = entry.fact;
  CommittedStep(fact);
  LedgerAddsUp(JobOf(fact));
  if (const auto* ended = std::get_if<JobEnded>(&fact)) EndedJob(*ended);
  if (submitted_ != durable_.jobs.size())
    Accuse(Cat("I24: ", submitted_, " jobs were submitted, ", durable_.jobs.size(), " are known"));
  if (const auto* drained = std::get_if<NodeDrained>(&fact); drained && drained->by.empty())
    Accuse(Cat("I16: ", drained->node, " is out of work and nobody did it"));
}

// I22: hosts and spares times log time, from the first plan to the end, counted beside the ledger that the facts make.
void Judge::HostTime(const Entry& entry) {
  const auto job = durable_.jobs.find(JobOf(entry.fact));
  if (job == durable_.jobs.end()) return;
  const auto whole = [](Time t) { return static_cast<std::uint64_t>(t.time_since_epoch() / 1us); };
  const Time now = std::max(durable_.now, entry.at);
  HeldTime& held = held_time_[job->first];
  if (job->second.generation.value > 0 && !Ended(job->second.phase))
    held.microseconds += (whole(now) - whole(held.at)) * (job->second.hosts.size() + job->second.spares.size());
  held.at = now;
}

void Judge::LedgerAddsUp(const JobId& id) {
  const auto job = durable_.jobs.find(id);
  if (job == durable_.jobs.end()) return;
  const Ledger& l = job->second.ledger;
  const std::uint64_t sum = l.useful + l.unsaved + l.lost + l.noticing + l.standing + l.spare;
  if (sum != held_time_[id].microseconds)
    Accuse(Cat("I22: the ledger of ", id, " has ", sum, " us of hosts, they were held for ", held_time_[id].microseconds));
  if (l.at_risk > l.lost) Accuse(Cat("I22: ", id, " may get back ", l.at_risk, " us of hosts, and has lost ", l.lost));
}

void Judge::Breaks(const Entry& entry) {
  if (const auto* started = std::get_if<GenerationStarted>(&entry.fact)) breaks_[started->job].started = entry.at;
  if (const auto* saved = std::get_if<CheckpointRegistered>(&entry.fact)) {
    const auto of = durable_.jobs.find(saved->job);
    if (of != durable_.jobs.end() && saved->seen.generation == of->second.generation && !saved->seen.was_there)
      breaks_[saved->job].quick = 0;
  }
  if (const auto* drill = std::get_if<FaultInjected>(&entry.fact))
    breaks_[drill->job].drill_until = entry.at + std::max<Duration>(drill->lasts, 5s) + 1min;  // docs/decisions/0019
  if (const auto* undone = std::get_if<DrillNotDone>(&entry.fact)) breaks_[undone->job].drill_until = Time();
  if (const auto* planned = std::get_if<GenerationPlanned>(&entry.fact)) breaks_[planned->job].drill_until = Time();
  const auto* broken = std::get_if<GenerationBroken>(&entry.fact);
  const auto job = broken ? durable_.jobs.find(broken->job) : durable_.jobs.end();
  if (job == durable_.jobs.end() || job->second.generation != broken->generation || !job->second.broken.empty()) return;
  BreaksSeen& seen = breaks_[broken->job];
  seen.broken = entry.at;
  if (broken->moved || broken->port_taken || broken->checkpoint_gone || entry.at <= seen.drill_until) return;
  seen.quick = !job->second.started || entry.at - seen.started < 10s ? seen.quick + 1 : 0;
}

// I12: no more restarts than the budget has, and none too soon after several in a row. I10: none when the job's time is up.
void Judge::RestartsInTime(const GenerationPlanned& fact, Time at) {
  const auto job = durable_.jobs.find(fact.job);
  if (job == durable_.jobs.end()) return;
  const JobSpec& spec = job->second.spec;
  if (fact.restart && RestartsInWindow(job->second, at) >= spec.restart.budget)
    Accuse(Cat("I12: ", fact.job, " is restarted although its budget of ", spec.restart.budget, " is used up"));
  const BreaksSeen& seen = breaks_[fact.job];
  const Duration least = seen.quick < 3 ? Duration(0) : std::min<Duration>(60s, 1s * (1 << std::min(seen.quick - 3, 6u)));
  if (fact.generation.value > 1 && at - seen.broken < least)
    Accuse(Cat("I12: ", fact.job, " broke ", seen.quick, " times right after its start and is restarted ",
               Show(at - seen.broken), " later"));
  const auto& first = job->second.first_started;
  if (spec.time_limit && first && at >= *first + *spec.time_limit)
    Accuse(Cat("I10: ", fact.job, " is restarted after its time was up"));
}

// I9, I10: once, for good, with its cause on record, and nothing of it acts any more.
void Judge::EndedJob(const JobEnded& fact) {
  const auto job = durable_.jobs.find(fact.job);
  if (job == durable_.jobs.end()) return Accuse(Cat("I24: ", fact.job, " has ended and was never submitted"));
  if (!Ended(job->second.phase) || job->second.phase != fact.outcome)
    Accuse(Cat("I10: ", fact.job, " has ended as ", Name(fact.outcome), " and is ", Name(job->second.phase)));
  if (!job->second.exit_code) Accuse(Cat("I10: ", fact.job, " has ended without an exit code"));
  if (fact.outcome != JobPhase::done && job->second.generation.value > 0 &&
      (job->second.incidents.empty() || job->second.incidents.back().blame.cause.empty()))
    Accuse(Cat("I10: ", fact.job, " is ", Name(fact.outcome), " and no cause is on record"));
  if (training_.Acts(fact.job)) Accuse(Cat("I9: ", fact.job, " has ended and its ranks act"));
}

// I6: the newest checkpoint that is offered only gets newer, unless one was withdrawn.
void Judge::CommittedStep(const Fact& fact) {
  const auto job = durable_.jobs.find(JobOf(fact));
  if (job == durable_.jobs.end()) return;
  const auto* broken = std::get_if<GenerationBroken>(&fact);
  const bool withdrawn = std::holds_alternative<CheckpointWithdrawn>(fact) || (broken && broken->checkpoint_gone);
  const CheckpointRecord* newest = NewestOffered(job->second);
  const std::uint64_t step = newest ? newest->seen.step.value_or(0) : 0;
  std::uint64_t& committed = committed_[job->first];
  if (step < committed && !withdrawn)
    Accuse(Cat("I6: ", job->first, " had committed step ", committed, " and has ", step, " now"));
  committed = step;
}

// I2: only what is durable acts, and only its newest generation. I7: a command has its effect once.
void Judge::RankStarts(const RankPlace& place) {
  if (copied_) return;
  const auto job = durable_.jobs.find(place.gang.job);
  if (job == durable_.jobs.end()) return Accuse(Cat("I2: a rank of ", place.gang.Str(), " starts, and no such job is durable"));
  const JobState& known = job->second;
  if (place.gang.generation > known.generation || (place.gang.generation == known.generation && !known.started))
    Accuse(Cat("I2: a rank of ", place.gang.Str(), " starts before that is durable"));
  if (place.gang.generation < known.generation && known.started)
    Accuse(Cat("I2: a rank of ", place.gang.Str(), " starts although generation ", known.generation, " has started"));
  if (Ended(known.phase)) Accuse(Cat("I2: a rank of ", place.gang.Str(), " starts although the job has ended"));
}

}  // namespace everstep::sim
