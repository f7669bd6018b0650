// The gangs of this host: hands commands and news to the state machine of each (agent/core/gang.h), does what it says through
// the seams, once what must be remembered first is on disk. Several generations of one job can be here at once: a newer
// one waits until the older ones are seen empty.
//
// Thread: the loop thread. Epochs are checked by the caller. Cost: O(gangs) a call.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/core/environment.h"
#include "agent/core/gang.h"
#include "agent/daemon/log_sink.h"
#include "agent/daemon/standby_table.h"
#include "agent/daemon/state_files.h"
#include "base/seam/processes.h"
#include "base/seam/slow_files.h"

namespace everstep {

class GangTable {
 public:
  // `spools`: the directory of the keepers' spools (base/seam/processes.h).
  GangTable(Processes& processes, SlowFiles& slow_files, StateFiles& state, HostFacts host, ProgressTable progress,
            std::string spools, LogSink log);

  // Takes over what an earlier agent left. REQUIRES: called once, first. An error: what lives here is
  // not known, and an agent that went on would call it gone.
  Status Adopt();
  // Every gang that was taken over is known: its keeper has spoken, or it has been dropped.
  bool Settled() const;

  void Handle(Time now, const Prepare& prepare);
  void Handle(Time now, const Start& start);
  void Handle(Time now, const Stop& stop);
  void Handle(Time now, const Forget& forget);
  // Does it at once; or why not.
  std::optional<std::string> Handle(const Inject& inject);
  // REQUIRES: it is there.
  void Handle(const CheckpointTorn& torn);
  void Handle(Time now, const GangChecked& checked);
  void Handle(Time now, const KeeperEvent& event);
  // The memory is on disk up to this write, or could not be written: what waited for it goes on, or not.
  void Handle(Time now, const StateWritten& written);
  void Tick(Time now);
  std::optional<Time> Deadline() const;

  // Until when gangs may live: told to every keeper, and to each that comes.
  void SetLease(Time until);

  // Processes may live here: the fence has something to guard.
  bool Guarding() const;
  std::vector<GangStatus> Statuses() const;

 private:
  void Do(Gang& gang, const GangStep& step);
  void Act(Gang& gang, const GangAction& action);
  // Lets gangs that wait go on or give up, and removes those that are dropped. Ends every turn.
  void Advance(Time now);
  void KeepStandbys(Time now);
  void Launch(const GangKey& gang);
  // What lives here of earlier generations of the job; empty: nothing.
  std::string Older(const GangKey& gang) const;
  void Say(std::string_view level, const GangKey& gang, const std::string& what) const;

  // A command that waits for the disk.
  struct Recording {
    std::uint64_t write = 0;
    GangKey gang{};
    bool start = false;  // else prepare
  };
  bool IsRecording(const GangKey& gang, bool start) const;
  void Recorded(Time now, const GangKey& gang, const Status& status);
  void StartRecorded(Time now, const GangKey& gang, const Status& status);

  Processes& processes_;
  SlowFiles& slow_files_;
  StateFiles& state_;
  HostFacts host_;
  ProgressTable progress_;
  std::string spools_;
  LogSink log_;
  std::map<GangKey, Gang> gangs_{};
  StandbyTable standbys_;
  std::vector<GangKey> up_already_{};  // whose keeper was up when they asked for one: told at the end of the turn
  std::vector<Recording> recording_{};
  std::optional<Time> lease_{};
};

}  // namespace everstep
