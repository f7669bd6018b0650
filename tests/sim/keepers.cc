#include "tests/sim/keepers.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace everstep::sim {

namespace {

std::string Variable(const RankCommand& rank, std::string_view name) {
  for (const std::string& variable : rank.env)
    if (variable.starts_with(name) && variable.size() > name.size() && variable[name.size()] == '=')
      return variable.substr(name.size() + 1);
  return {};
}

}  // namespace

void Keepers::Say(const GangKey& gang, KeeperEventKind kind) {
  agenda_.After(50us + rng_.Jitter(1ms), [this, gang, kind, boot = machine_.boots] {
    const auto found = keepers_.find(gang);
    if (found == keepers_.end() || machine_.boots != boot) return;
    post_({.gang = gang, .kind = kind, .status = found->second.status, .why = kind == KeeperEventKind::gone ? "ended" : ""});
  });
}

void Keepers::Launch(const GangKey& gang, KeeperLease lease) {
  if (stale) training_.Accused(Cat("I2: ", machine_.name, " launches ", gang.Str(), " for a launcher of an earlier epoch"));
  keepers_[gang] = Keeper{.lease = lease.until, .ignores_term = rng_.Unit() < ignores_term};
  Say(gang, KeeperEventKind::up);
  Arm(gang);
}

Result<std::vector<GangKey>> Keepers::Adopt() {
  std::vector<GangKey> found;
  if (bug_ == Bug::blind_adoption) return found;
  for (const auto& [gang, keeper] : keepers_) {
    found.push_back(gang);
    if (keeper.buried > 0) continue;  // the agent looks for the end of what a dead keeper has left
    Say(gang, keeper.alive ? KeeperEventKind::up : KeeperEventKind::gone);
  }
  return found;
}

void Keepers::Send(const GangKey& gang, ToKeeper message) {
  if (execs && std::holds_alternative<KeeperStart>(message)) execs(gang);
  if (stale) training_.Accused(Cat("I2: ", machine_.name, " acts on ", gang.Str(), " for a launcher of an earlier epoch"));
  agenda_.After(50us + rng_.Jitter(200us), [this, gang, message = std::move(message), boot = machine_.boots] {
    const auto found = keepers_.find(gang);
    if (found == keepers_.end() || !found->second.alive || machine_.boots != boot) return;
    if (!machine_.Runs()) return unread_.emplace_back(gang, message), void();
    std::visit([&](const auto& m) { Obey(gang, found->second, m); }, message);
  });
}

void Keepers::Arm(const GangKey& gang) {
  Keeper& keeper = keepers_.at(gang);
  if (!keeper.alive || keeper.status.phase == KeeperPhase::empty || keeper.escalation.Killed()) return;
  Time due = bug_ == Bug::no_fence ? Now() + 24h : keeper.lease;
  if (const auto next = keeper.escalation.Next()) due = std::min(due, *next);
  const Time when = machine_.clock.Virtual(due);
  if (keeper.armed && *keeper.armed <= when) return;  // it looks in time, and then again
  keeper.armed = when;
  agenda_.At(when, [this, gang, when] {
    const auto found = keepers_.find(gang);
    if (found == keepers_.end() || found->second.armed != when) return;
    found->second.armed.reset();
    Check(gang);
  });
}

// What is due: fence, SIGTERM, SIGKILL.
void Keepers::Check(const GangKey& gang) {
  const auto found = keepers_.find(gang);
  if (found == keepers_.end() || !machine_.Runs()) return;
  Keeper& keeper = found->second;
  if (!keeper.alive || keeper.status.phase == KeeperPhase::empty) return;
  if (Now() >= keeper.lease && !keeper.status.fenced && bug_ != Bug::no_fence) {
    keeper.status.fenced = true;
    keeper.escalation.AskKill(Now());
  }
  if (bug_ == Bug::stops_unanswered && !keeper.status.fenced) return;
  switch (keeper.escalation.Due(Now())) {
    case Escalation::Signal::none: break;
    case Escalation::Signal::terminate:
      keeper.status.phase = KeeperPhase::stopping;
      if (!keeper.started || (!keeper.ignores_term && HearTerm(gang, keeper))) return EndRanks(gang, keeper, 15);
      if (bug_ == Bug::empty_too_early) keeper.status.phase = KeeperPhase::empty;
      Say(gang, KeeperEventKind::status);
      break;
    case Escalation::Signal::kill: return EndRanks(gang, keeper, 9);
  }
  Arm(gang);
}

bool Keepers::HearTerm(const GangKey& gang, const Keeper& keeper) const {
  return std::all_of(keeper.status.ranks.begin(), keeper.status.ranks.end(), [&](const RankStatus& rank) {
    return training_.Hears({machine_.index, gang, rank.rank});
  });
}

// One that a system call holds tells of its end later.
void Keepers::EndRanks(const GangKey& gang, Keeper& keeper, std::uint32_t signal) {
  keeper.status.phase = KeeperPhase::stopping;
  std::size_t held = 0;
  for (RankStatus& rank : keeper.status.ranks) {
    if (rank.exit) continue;
    if (training_.Kill({machine_.index, gang, rank.rank}))
      rank.exit = RankExit{.signal = signal, .stopped_by_us = true, .at = Now()};
    else
      ++held;
  }
  keeper.status.why = held > 0 ? Cat(held, " in D state") : "";
  EmptyIfSo(keeper);
  Say(gang, KeeperEventKind::status);
}

// I9: no rank outlives the grace, on a machine that ran all the time, unless a system call holds it.
void Keepers::StoppedInTime(const GangKey& gang, Time asked) {
  const auto found = keepers_.find(gang);
  if (found == keepers_.end() || !machine_.Runs() || machine_.paused_at >= asked) return;
  for (const RankStatus& rank : found->second.status.ranks)
    if (training_.Alive({machine_.index, gang, rank.rank}) && !training_.Blocked({machine_.index, gang, rank.rank}))
      training_.Accused(Cat("I9: rank ", rank.rank, " of ", gang.Str(), " lives on although it was told to stop in time"));
}

void Keepers::EmptyIfSo(Keeper& keeper) {
  if (std::all_of(keeper.status.ranks.begin(), keeper.status.ranks.end(), [](const RankStatus& rank) { return rank.exit; }))
    keeper.status.phase = KeeperPhase::empty;
}

void Keepers::RankStepped(const RankPlace& place, std::uint64_t step) {
  const auto found = keepers_.find(place.gang);
  if (found == keepers_.end() || !found->second.alive) return;
  found->second.status.progress = Progress{.step = step};
  Say(place.gang, KeeperEventKind::status);
}

void Keepers::RankExited(const RankPlace& place, RankExit exit) {
  const auto found = keepers_.find(place.gang);
  if (found == keepers_.end()) return;
  if (found->second.buried > 0 && --found->second.buried == 0) Gone(place.gang, found->second);
  if (!found->second.alive) return;
  KeeperStatus& status = found->second.status;
  exit.at = Now();
  for (RankStatus& rank : status.ranks)
    if (rank.rank == place.rank && !rank.exit) rank.exit = std::move(exit);
  EmptyIfSo(found->second);
  Say(place.gang, KeeperEventKind::status);
}

void Keepers::KillOne(std::uint64_t dice) {
  std::vector<GangKey> alive;
  for (const auto& [gang, keeper] : keepers_)
    if (keeper.alive) alive.push_back(gang);
  if (alive.empty()) return;
  Kill(alive[dice % alive.size()]);
}

void Keepers::Kill(const GangKey& gang) {
  const auto found = keepers_.find(gang);
  if (found == keepers_.end() || !found->second.alive) return;
  Keeper& keeper = found->second;
  keeper.alive = false;
  for (const RankStatus& rank : keeper.status.ranks)
    if (!rank.exit && !training_.Kill({machine_.index, gang, rank.rank})) ++keeper.buried;
  if (keeper.buried == 0) Gone(gang, keeper);
}

// Its spool is what is left of it: exits that it did not see are nowhere.
void Keepers::Gone(const GangKey& gang, Keeper& keeper) {
  keeper.status.phase = keeper.started ? KeeperPhase::empty : KeeperPhase::ready;
  Say(gang, KeeperEventKind::gone);
}

void Keepers::PowerLost() {
  unread_.clear();
  for (auto& [gang, keeper] : keepers_) {
    keeper.alive = false;
    keeper.buried = 0;
    for (RankStatus& rank : keeper.status.ranks)
      if (!rank.exit) training_.Gone({machine_.index, gang, rank.rank});
    keeper.status.phase = keeper.started ? KeeperPhase::empty : KeeperPhase::ready;
  }
}

void Keepers::Resumed(Duration stood) {
  std::vector<GangKey> all;
  for (auto& [gang, keeper] : keepers_) {
    all.push_back(gang);
    if (bug_ == Bug::fence_stands_still) keeper.lease += stood;
  }
  for (const GangKey& gang : all) {
    keepers_.at(gang).armed.reset();
    Check(gang);
  }
  for (auto& [gang, message] : std::exchange(unread_, {})) Send(gang, std::move(message));
}

void Keepers::Obey(const GangKey& gang, Keeper& keeper, const KeeperStart& start) {
  if (keeper.started || keeper.status.phase != KeeperPhase::ready || keeper.escalation.Begun()) return;
  if (Now() >= keeper.lease && bug_ != Bug::no_fence) return Check(gang);
  keeper.started = true;
  keeper.status.phase = KeeperPhase::running;
  for (const RankCommand& rank : start.ranks) {
    keeper.status.ranks.push_back({.rank = rank.rank, .pid = 1000 + rank.rank});
    const auto ranks = static_cast<std::uint32_t>(ParseUnsigned(Variable(rank, "WORLD_SIZE")).value_or(1));
    if (rank.argv.size() > 1 && rank.argv[1] == "preflight")
      training_.StartProbe({machine_.index, gang, rank.rank}, ranks);
    else
      training_.Start({machine_.index, gang, rank.rank}, ranks, Variable(rank, "EVERSTEP_RESUME_FROM"));
  }
  Say(gang, KeeperEventKind::status);
  Arm(gang);
}

void Keepers::Obey(const GangKey& gang, Keeper& keeper, const KeeperLease& lease) {
  if (Now() >= keeper.lease && bug_ != Bug::no_fence) return Check(gang);
  if (lease.until <= keeper.lease) return;
  keeper.lease = lease.until;
  Arm(gang);
}

void Keepers::Obey(const GangKey& gang, Keeper& keeper, const KeeperStop& stop) {
  if (keeper.status.phase == KeeperPhase::empty) return;
  if (!keeper.escalation.Begun())
    agenda_.After(stop.grace + 5s, [this, gang, asked = agenda_.now()] { StoppedInTime(gang, asked); });
  keeper.escalation.AskStop(Now(), stop.grace);
  Check(gang);
}

void Keepers::Obey(const GangKey& gang, Keeper& keeper, const KeeperQuit&) {
  if (keeper.started && keeper.status.phase != KeeperPhase::empty) return;
  keeper.alive = false;
  Say(gang, KeeperEventKind::gone);
}

}  // namespace everstep::sim
