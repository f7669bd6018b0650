#include "agent/daemon/standby_table.h"

#include <iterator>
#include <utility>

#include "base/text.h"

namespace everstep {

void StandbyTable::Launch(Job& job, const GangKey& runs, Time lease, KeeperStandby standby) {
  const GangKey next{.job = runs.job, .generation = runs.generation.Next()};
  log_("info", Cat(next, ": ", Count(standby.ranks.size(), "rank"), " will wait for it, should it come"));
  job.keeper = Keeper{.gang = next, .standby = std::move(standby)};
  processes_.Launch(next, KeeperLease{.until = lease});
}

void StandbyTable::Quit(Keeper& keeper, std::string_view why) {
  if (std::exchange(keeper.leaving, true)) return;
  log_("info", Cat(keeper.gang, ": the ranks that waited for it are ended: ", why));
  if (keeper.up) processes_.Send(keeper.gang, KeeperQuit{});  // else once it is
}

void StandbyTable::Drop(const JobId& id) {
  const auto job = jobs_.find(id);
  if (job == jobs_.end()) return;
  if (job->second.keeper)
    Quit(*job->second.keeper, "the job has no more business here");
  else
    jobs_.erase(job);
}

void StandbyTable::Tick(Time now, const std::set<JobId>& here) {
  for (auto entry = jobs_.begin(); entry != jobs_.end();) {
    Job& job = entry->second;
    // It was not the moment: the gang did not run, or its host had no lease.
    if (job.launch_at && now >= *job.launch_at) job.launch_at = now + kAfter;
    if (here.contains(entry->first))
      job.quits_at.reset();
    else if (!job.quits_at)
      job.quits_at = now + kPatience;
    const bool over = job.quits_at && now >= *job.quits_at;
    if (over && job.keeper) Quit(*job.keeper, Cat("no gang of the job came in ", Show(kPatience)));
    entry = over && !job.keeper ? jobs_.erase(entry) : std::next(entry);
  }
}

std::optional<Time> StandbyTable::Deadline() const {
  std::optional<Time> first;
  const auto sooner = [&first](const std::optional<Time>& at) {
    if (at && (!first || *at < *first)) first = at;
  };
  for (const auto& [id, job] : jobs_) {
    if (!job.keeper) sooner(job.launch_at);
    if (!job.keeper || !job.keeper->leaving) sooner(job.quits_at);
  }
  return first;
}

void StandbyTable::SetLease(Time until) {
  for (const auto& [id, job] : jobs_)
    if (job.keeper && job.keeper->up) processes_.Send(job.keeper->gang, KeeperLease{.until = until});
}

StandbyTable::Found StandbyTable::Take(const GangKey& gang) {
  const auto job = jobs_.find(gang.job);
  if (job == jobs_.end() || !job->second.keeper) return Found::none;
  Keeper& keeper = *job->second.keeper;
  if (keeper.gang == gang && keeper.leaving) {
    keeper.wanted_anew = true;
    return Found::coming;
  }
  if (keeper.gang != gang) {
    Quit(keeper, Cat("generation ", gang.generation, " came"));
    return Found::none;
  }
  const Found found = keeper.up ? Found::up : Found::coming;
  job->second.keeper.reset();
  return found;
}

bool StandbyTable::Leaving(const GangKey& gang) const {
  const auto job = jobs_.find(gang.job);
  return job != jobs_.end() && job->second.keeper && job->second.keeper->gang == gang && job->second.keeper->leaving;
}

bool StandbyTable::Handle(const KeeperEvent& event, std::optional<Time> lease) {
  const auto job = jobs_.find(event.gang.job);
  if (job == jobs_.end() || !job->second.keeper || job->second.keeper->gang != event.gang) return false;
  Keeper& keeper = *job->second.keeper;
  switch (event.kind) {
    case KeeperEventKind::up:
      keeper.up = true;
      if (keeper.leaving) {
        processes_.Send(keeper.gang, KeeperQuit{});
        break;
      }
      if (lease) processes_.Send(keeper.gang, KeeperLease{.until = *lease});
      processes_.Send(keeper.gang, std::exchange(keeper.standby, {}));
      break;
    case KeeperEventKind::status:
      // Its lease has run out, or it could not go on: it holds nothing any more.
      if (event.status.phase == KeeperPhase::empty) Quit(keeper, event.status.why);
      break;
    case KeeperEventKind::failed:
    case KeeperEventKind::gone:
      if (!keeper.leaving) log_("warning", Cat(event.gang, ": no ranks wait for it: ", event.why));
      processes_.Discard(event.gang);
      if (keeper.wanted_anew && lease) processes_.Launch(event.gang, KeeperLease{.until = *lease});
      job->second.keeper.reset();
      break;
  }
  return true;
}

}  // namespace everstep
