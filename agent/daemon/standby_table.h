// The keepers that were launched ahead of time, one a job at most: for the generation after the one that runs here, with ranks
// that wait in them (agent/core/standby.h). Which generation comes next, and whether this host has a part in it, is the
// launcher's business: it is a guess that costs memory while it is wrong, and never a start.
//
//   a gang runs for kAfter ──► launched ──► up: told its ranks ──► a gang of that generation takes it, or it is told to quit
//
// Quits: when the launcher says that the job has no more business here; kPatience after the last gang of the job has gone
// without such a word; when another generation than the expected one comes. One that has failed is not tried again before the
// next generation runs. After a restart of the agent there is none until then: its memory knows no command lines.
//
// Thread: the loop thread.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "agent/daemon/log_sink.h"
#include "base/seam/processes.h"

namespace everstep {

class StandbyTable {
 public:
  static constexpr Duration kAfter = 5s;      // the job's own start comes first
  static constexpr Duration kPatience = 60s;  // for a word of the launcher

  StandbyTable(Processes& processes, LogSink log) : processes_(processes), log_(std::move(log)) {}

  // `gang` runs here, and its job wants ranks to wait for the next generation: called in every turn. `standby`: what they are,
  // made only when it is time.
  template <class MakeStandby>
  void Runs(Time now, const GangKey& gang, Time lease, MakeStandby&& standby) {
    Job& job = jobs_[gang.job];
    if (job.runs != gang.generation) job = {.runs = gang.generation, .launch_at = now + kAfter, .keeper = job.keeper};
    if (!job.launch_at || now < *job.launch_at || job.keeper) return;
    job.launch_at.reset();
    if (auto made = standby()) Launch(job, gang, lease, *std::move(made));
  }
  // The job has no more business on this host.
  void Drop(const JobId& job);
  // `here`: the jobs that have a gang on this host, running or about to.
  void Tick(Time now, const std::set<JobId>& here);
  std::optional<Time> Deadline() const;
  void SetLease(Time until);

  // A gang of this key needs a keeper. One that waits for it is the gang's from now on.
  //   none    launch one
  //   coming  launched already: its events come to the gang
  //   up      the same, and it has said that it is up
  enum class Found { none, coming, up };
  Found Take(const GangKey& gang);
  // A keeper of this key is being told to quit: no other one may be launched before it is gone.
  bool Leaving(const GangKey& gang) const;

  // True if the event is about a keeper of this table.
  bool Handle(const KeeperEvent& event, std::optional<Time> lease);

 private:
  struct Keeper {
    GangKey gang{};
    KeeperStandby standby{};  // until it is up
    bool up = false;
    bool leaving = false;
    bool wanted_anew = false;  // by a gang: it is launched once this one has gone
  };
  struct Job {
    Generation runs{};
    std::optional<Time> launch_at{};
    std::optional<Time> quits_at{};
    std::optional<Keeper> keeper{};
  };
  void Launch(Job& job, const GangKey& runs, Time lease, KeeperStandby standby);
  void Quit(Keeper& keeper, std::string_view why);

  Processes& processes_;
  LogSink log_;
  std::map<JobId, Job> jobs_{};
};

}  // namespace everstep
