#include "agent/daemon/gang_table.h"

#include <algorithm>
#include <set>
#include <utility>

#include "agent/core/standby.h"
#include "base/json/codec.h"
#include "base/text.h"

namespace everstep {

namespace {

// Files::Read takes 1 MiB; the rest is for numbers that grow.
constexpr std::size_t kMemoryBytesMax = (1u << 20) - (64u << 10);

// Why the next agent could not read this memory; nullopt: it can.
std::optional<std::string> WhyTooBig(const AgentMemory& memory) {
  const std::size_t bytes = ToJson(memory).size();
  if (bytes <= kMemoryBytesMax) return std::nullopt;
  return Cat("what this host has to remember would be ", bytes, " bytes with it, legal: at most ", kMemoryBytesMax, "; ",
             Count(memory.gangs.size(), "gang"), " stand in it");
}

}  // namespace

GangTable::GangTable(Processes& processes, SlowFiles& slow_files, StateFiles& state, HostFacts host, ProgressTable progress,
                     std::string spools, LogSink log)
    : processes_(processes),
      slow_files_(slow_files),
      state_(state),
      host_(std::move(host)),
      progress_(std::move(progress)),
      spools_(std::move(spools)),
      log_(std::move(log)),
      standbys_(processes, log_) {}

void GangTable::Say(std::string_view level, const GangKey& gang, const std::string& what) const {
  log_(level, Cat(gang, ": ", what));
}

// ---- what an earlier agent left ------------------------------------------------------------------------------------------

Status GangTable::Adopt() {
  auto found = processes_.Adopt();
  if (!found)
    return Fail(found.error().code, Cat("what runs on this host is not known: ", found.error().message),
                "started now, this agent would call living ranks gone: repair that first");
  const AgentMemory& memory = state_.memory();
  for (const GangKey& key : *found) {
    GangRecord record{.job = key.job, .generation = key.generation};
    for (const GangRecord& known : memory.gangs)
      if (known.job == key.job && known.generation == key.generation) record = known;
    gangs_.emplace(key, Gang::Adopted(record, WasStarted(memory, key)));
    Say("info", key, "found a keeper of it");
  }
  const std::vector<GangRecord> remembered = memory.gangs;
  for (const GangRecord& record : remembered) {
    const GangKey key{.job = record.job, .generation = record.generation};
    if (!gangs_.contains(key)) state_.Dropped(key);
  }
  return {};
}

bool GangTable::Settled() const {
  return std::all_of(gangs_.begin(), gangs_.end(), [](const auto& entry) { return entry.second.Known(); });
}

// ---- commands ------------------------------------------------------------------------------------------------------------

void GangTable::Handle(Time now, const Prepare& prepare) {
  const GangKey key{.job = prepare.gang.job, .generation = prepare.gang.generation};
  if (const auto found = gangs_.find(key); found != gangs_.end()) {
    if (!found->second.Known() && !found->second.Reported())
      Say("warning", key, "not prepared: its keeper of before is still leaving");
    return;
  }
  if (standbys_.Leaving(key)) return Say("info", key, "not prepared yet: a keeper that waited for it is just leaving");
  std::optional<std::string> why_not = WhyNotPrepare(state_.memory(), key);
  if (!why_not && gangs_.size() >= limit::kGangsPerHost) why_not = Cat(gangs_.size(), " gangs are here that nobody forgot");
  if (!why_not && (!lease_ || *lease_ <= now)) why_not = "this host's lease is over, no acknowledgement of the launcher came";
  if (why_not) return Say("warning", key, Cat("not prepared: ", *why_not));

  Gang& gang = gangs_.emplace(key, Gang::Asked(now, prepare.gang)).first->second;
  AgentMemory memory = WithPrepared(state_.memory(), gang.Record());
  if (const auto too_big = WhyTooBig(memory)) return Do(gang, gang.Decline(*too_big));
  recording_.push_back({.write = state_.Remember(std::move(memory)), .gang = key});
}

void GangTable::Handle(Time now, const Start& start) {
  const GangKey key{.job = start.job, .generation = start.generation};
  const auto found = gangs_.find(key);
  if (found == gangs_.end()) return Say("warning", key, "not started: it was not prepared here");
  Gang& gang = found->second;
  if (gang.Startable()) {
    if (IsRecording(key, true)) return;
    std::optional<std::string> why_not = WhyNotStart(state_.memory(), key);
    if (!why_not && (!lease_ || *lease_ <= now)) why_not = "this host's lease is over, no acknowledgement of the launcher came";
    if (why_not) return Say("warning", key, Cat("not started: ", *why_not));
    recording_.push_back({.write = state_.Remember(WithStarted(state_.memory(), key)), .gang = key, .start = true});
    return;
  }
  Do(gang, gang.Start());
}

std::optional<std::string> GangTable::Handle(const Inject& inject) {
  const GangKey key{.job = inject.job, .generation = inject.generation};
  const auto found = gangs_.find(key);
  if (found == gangs_.end() || found->second.phase() != GangPhase::running) return "it does not run here";
  Say("warning", key, Cat("a drill: ", Name(inject.kind), ", rank ", inject.rank));
  if (inject.kind == FaultKind::checkpoint_torn)
    slow_files_.Tear(key, inject.rank);
  else
    processes_.Inject(key, {.kind = inject.kind, .rank = inject.rank, .lasts = inject.lasts});
  return std::nullopt;
}

void GangTable::Handle(const CheckpointTorn& torn) {
  processes_.Inject(torn.gang, {.kind = FaultKind::rank_kill, .rank = torn.rank});
}

void GangTable::Handle(Time now, const Stop& stop) {
  const GangKey key{.job = stop.job, .generation = stop.generation};
  const auto found = gangs_.find(key);
  if (found == gangs_.end()) return Say("debug", key, "not stopped: it is not here");
  Do(found->second, found->second.Stop(now, stop.grace, stop.why));
  Advance(now);
}

void GangTable::Handle(Time now, const Forget& forget) {
  const GangKey key{.job = forget.job, .generation = forget.generation};
  if (forget.for_good) standbys_.Drop(forget.job);
  const auto found = gangs_.find(key);
  if (found == gangs_.end()) return;
  if (found->second.Over()) state_.Forgotten(key);
  Do(found->second, found->second.Forget());
  Advance(now);
}

// ---- the disk ------------------------------------------------------------------------------------------------------------

bool GangTable::IsRecording(const GangKey& gang, bool start) const {
  return std::any_of(recording_.begin(), recording_.end(),
                     [&](const Recording& r) { return r.gang == gang && r.start == start; });
}

void GangTable::Handle(Time now, const StateWritten& written) {
  const auto waits_on = std::stable_partition(recording_.begin(), recording_.end(),
                                              [&](const Recording& r) { return r.write <= written.number; });
  const std::vector<Recording> done(recording_.begin(), waits_on);
  recording_.erase(recording_.begin(), waits_on);
  for (const Recording& recording : done)
    if (recording.start)
      StartRecorded(now, recording.gang, written.status);
    else
      Recorded(now, recording.gang, written.status);
  Advance(now);
}

void GangTable::Recorded(Time now, const GangKey& key, const Status& status) {
  const auto found = gangs_.find(key);
  if (found == gangs_.end() || found->second.phase() != GangPhase::preparing) return;  // stopped meanwhile
  Gang& gang = found->second;
  if (!status) return Do(gang, gang.Decline(status.error().Str()));
  gang = Gang::Asked(now, *gang.spec());  // its patience begins now
  // Its generation has no authority any more, so it gets no grace.
  for (auto& [other, older] : gangs_)
    if (other.job == key.job && other.generation < key.generation)
      Do(older, older.Stop(now, Duration(0), Cat("generation ", key.generation, " takes its place")));
}

void GangTable::StartRecorded(Time now, const GangKey& key, const Status& status) {
  const auto found = gangs_.find(key);
  if (found == gangs_.end() || !found->second.Startable()) return;  // stopped meanwhile
  Gang& gang = found->second;
  if (!status) return Do(gang, gang.Decline(status.error().Str()));
  // A generation is started once: the launcher makes a new one.
  if (!lease_ || *lease_ <= now) return Do(gang, gang.Decline("this host's lease ended while its start was written to disk"));
  Do(gang, gang.Start());
}

// ---- news ----------------------------------------------------------------------------------------------------------------

void GangTable::Handle(Time now, const GangChecked& checked) {
  const auto found = gangs_.find(checked.gang);
  if (found == gangs_.end()) return;
  Do(found->second, found->second.Checked(checked));
  Advance(now);
}

void GangTable::Handle(Time now, const KeeperEvent& event) {
  if (standbys_.Handle(event, lease_)) return Advance(now);
  const auto found = gangs_.find(event.gang);
  if (found == gangs_.end()) return;
  const bool came = event.kind == KeeperEventKind::up;
  if (came && lease_) processes_.Send(event.gang, KeeperLease{.until = *lease_});
  Do(found->second, found->second.Heard(now, event));
  Advance(now);
}

void GangTable::Tick(Time now) { Advance(now); }

std::optional<Time> GangTable::Deadline() const {
  std::optional<Time> first;
  for (const auto& [key, gang] : gangs_)
    if (const std::optional<Time> due = gang.Deadline(); due && (!first || *due < *first)) first = due;
  if (const std::optional<Time> due = standbys_.Deadline(); due && (!first || *due < *first)) first = due;
  return first;
}

void GangTable::SetLease(Time until) {
  lease_ = until;
  for (const auto& [key, gang] : gangs_)
    if (gang.KeeperUp()) processes_.Send(key, KeeperLease{.until = until});
  standbys_.SetLease(until);
}

bool GangTable::Guarding() const {
  return std::any_of(gangs_.begin(), gangs_.end(), [](const auto& entry) { return !entry.second.Over(); });
}

std::vector<GangStatus> GangTable::Statuses() const {
  std::vector<GangStatus> statuses;
  for (const auto& [key, gang] : gangs_)
    if (gang.Reported()) statuses.push_back(gang.Status());
  return statuses;
}

// ---- what follows --------------------------------------------------------------------------------------------------------

std::string GangTable::Older(const GangKey& key) const {
  std::vector<std::string> alive;
  for (const auto& [other, gang] : gangs_)
    if (other.job == key.job && other.generation < key.generation && !gang.Over()) {
      const std::string why = gang.Status().why;
      alive.push_back(Cat("generation ", other.generation, why.empty() ? "" : " (", why, why.empty() ? "" : ")"));
    }
  return Join(alive, ", ", " and ");
}

void GangTable::Advance(Time now) {
  for (auto& [key, gang] : gangs_)
    if (IsRecording(key, false)) {
      if (const auto due = gang.Deadline(); due && now >= *due)
        Do(gang, gang.Decline(Cat("the disk did not take its record in ", Show(Gang::kLeftoversWait))));
    } else if (gang.phase() == GangPhase::preparing) {
      Do(gang, gang.Advance(now, Older(key)));
    }
  for (const GangKey& key : std::exchange(up_already_, {}))
    if (const auto gang = gangs_.find(key); gang != gangs_.end())
      Do(gang->second, gang->second.Heard(now, {.gang = key, .kind = KeeperEventKind::up}));
  std::erase_if(gangs_, [](const auto& entry) { return entry.second.Dropped(); });
  KeepStandbys(now);
}

void GangTable::KeepStandbys(Time now) {
  std::set<JobId> here;
  for (const auto& [key, gang] : gangs_) {
    if (gang.Over()) continue;
    here.insert(key.job);
    if (gang.phase() != GangPhase::running || !gang.spec() || gang.spec()->warm.empty() || !lease_ || *lease_ <= now) continue;
    standbys_.Runs(now, key, *lease_, [&, &spec = *gang.spec(), &readied = gang.readied()] {
      return StandbyFor(RanksOf(spec, readied, host_, Cat(spools_, '/', key), progress_), spec.warm);
    });
  }
  standbys_.Tick(now, here);
}

void GangTable::Launch(const GangKey& key) {
  switch (standbys_.Take(key)) {
    case StandbyTable::Found::none: return processes_.Launch(key, KeeperLease{.until = *lease_});
    case StandbyTable::Found::coming: return;
    case StandbyTable::Found::up:
      processes_.Send(key, KeeperLease{.until = *lease_});
      up_already_.push_back(key);
      return;
  }
}

void GangTable::Do(Gang& gang, const GangStep& step) {
  if (!step.why.empty()) Say("info", gang.key(), step.why);
  for (const GangAction& action : step.actions) Act(gang, action);
}

void GangTable::Act(Gang& gang, const GangAction& action) {
  const GangKey& key = gang.key();
  switch (action.kind) {
    case GangActionKind::launch: return Launch(key);
    case GangActionKind::check: return slow_files_.Ready(*gang.spec());
    case GangActionKind::start:
      return processes_.Send(key, RanksOf(*gang.spec(), gang.readied(), host_, Cat(spools_, '/', key), progress_));
    case GangActionKind::stop: return processes_.Send(key, KeeperStop{.grace = action.grace});
    case GangActionKind::quit: return processes_.Send(key, KeeperQuit{});
    case GangActionKind::watch: return slow_files_.Watch(key, *gang.checkpoint());
    case GangActionKind::unwatch: return slow_files_.Unwatch(key);
    case GangActionKind::drop:
      if (gang.HasSpool()) processes_.Discard(key);
      state_.Dropped(key);
      std::erase_if(recording_, [&](const Recording& r) { return r.gang == key; });
      return;
  }
}

}  // namespace everstep
