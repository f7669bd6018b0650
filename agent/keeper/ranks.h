// The processes of one gang, as their parent sees them: start all or none, read what they print, learn how each ended, send
// signals, and tell when nothing is left.
//
// "Nothing left" is seen, not assumed: every rank reaped, no child of this process left (it is the subreaper: whatever the
// ranks fork ends up below it), and the gang's cgroup, where there is one, not populated.
//
// Thread: the keeper's loop. Nothing here waits for a disk: output goes to files through the DiskThread; when that is far
// behind, the ranks' pipes are left alone until it has caught up.
#pragma once

#include <poll.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/keeper/cgroup.h"
#include "agent/keeper/disk_thread.h"
#include "agent/keeper/kernel_log.h"
#include "agent/keeper/log_file.h"
#include "agent/keeper/rank_spawn.h"
#include "agent/keeper/spool.h"
#include "agent/keeper/standby.h"
#include "base/progress/progress_file.h"
#include "base/progress/rank_progress.h"
#include "base/progress/stderr_tail.h"
#include "base/seam/processes.h"

namespace everstep {

struct LogPlace {
  std::string directory{};  // <rank>.out and <rank>.err are made in it
  LogLimits limits{};
  std::string kernel_log{};
};

class Ranks {
 public:
  Ranks(GangCgroup& cgroup, DiskThread& disk, LogPlace logs, SpawnPlace place)
      : cgroup_(cgroup),
        disk_(disk),
        logs_(std::move(logs)),
        place_(std::move(place)),
        kernel_log_(std::make_shared<KernelLog>(logs_.kernel_log)) {}

  // Forks interpreters that wait to become ranks. REQUIRES: ValidateStandby(standby), nothing was started.
  void Prepare(KeeperStandby standby);
  // Nothing will be started: kills them.
  void EndStandby() { standby_.Kill(); }
  // Forks all that do not wait already; whether their programs run is known once Starting() is false. REQUIRES:
  // ValidateStart(start), called once.
  void Start(KeeperStart start);
  bool Starting() const;
  // Why not all of them run; the caller kills the rest.
  const std::optional<std::string>& failure() const { return failure_; }

  void AddTo(std::vector<pollfd>& polled);
  void Take(Time now, const std::vector<pollfd>& polled);
  // Learns which children have ended. Call before sending signals: a rank that has ended by itself is no victim of ours.
  void Reap(Time now);
  // Ends that wait for what their rank wrote into its error file are told without it. Call before saying that all is over.
  void TellAllEnds();

  void Terminate();  // SIGTERM to the process groups of the ranks that live
  void Kill();       // SIGKILL to everything; again and again until NothingLeft()
  // Ranks that end from now on ended because of us, though somebody else sent the signal.
  void CallEndsOurs();

  bool AllEnded() const;
  bool NothingLeft() const;
  std::vector<ProcessStat> Left() const;
  // Reads what is left in the pipes and closes them. REQUIRES: NothingLeft().
  void CloseOutputs(Time now);

  // Looks at the progress files on the disk's thread; what they say is taken by a later call. One look at a time, but for the
  // last: the ranks are gone.
  void LookAtProgressFiles(Time now, bool last = false);
  // Of the first rank that told of a step; the loss is another's if that one told of none.
  std::optional<Progress> ProgressNow(Time now);

  std::vector<RankStatus> Statuses() const;
  std::vector<RankProcess> Processes() const;

 private:
  struct Output {
    Fd pipe{};
    std::shared_ptr<LogFile> file{};  // touched by the disk thread only
  };
  // A rank has ended, and what others have written about it is being read on the disk's thread.
  struct Words {
    std::string error_file{};
    std::string kernel{};
  };
  struct AwaitedEnd {
    RankExit exit{};
    std::shared_ptr<Words> words{};
    std::uint64_t work = 0;
    Time since{};
  };
  struct Rank {
    RankCommand command{};  // without its environment once it runs
    pid_t pid = 0;          // 0: not forked
    std::uint64_t started = 0;
    Fd report{};
    bool runs_program = false;
    bool reaped = false;
    bool signalled = false;
    Output out{};
    Output err{};
    StderrTail tail{};
    RankProgress progress{LinePatterns()};
    std::string error_file{};  // empty: it has none
    std::optional<AwaitedEnd> awaited{};
    std::optional<RankExit> exit{};
  };

  void Settle(Rank& rank);
  void Ended(Rank& rank, int code, int value, Time now);
  void TellEnds(Time now);
  bool TakeOomKill();
  // One read; false when there is nothing (more) to read now.
  bool ReadOnce(Time now, Rank& rank, Output& output);
  void Drain(Time now, Rank& rank);
  void TakeFileWords(Time now);
  bool ChildrenLeft() const;

  GangCgroup& cgroup_;
  DiskThread& disk_;
  LogPlace logs_;
  SpawnPlace place_;
  Standby standby_;
  const std::shared_ptr<KernelLog> kernel_log_;  // touched by the disk thread only
  std::vector<Rank> ranks_;
  std::optional<std::string> failure_;
  std::uint64_t oom_kills_taken_ = 0;
  // The progress files of all ranks. The disk thread's until the work `look_` is done.
  struct FileWords {
    std::vector<std::string> paths{};
    std::vector<FileStamp> stamps{};
    std::vector<std::optional<Told>> told{};
  };
  std::shared_ptr<FileWords> files_ = std::make_shared<FileWords>();
  std::uint64_t look_ = 0;
  bool looking_ = false;
  std::size_t first_ = 0;  // of our entries in `polled`
  std::shared_ptr<std::atomic<std::size_t>> waiting_bytes_ = std::make_shared<std::atomic<std::size_t>>(0);
};

}  // namespace everstep
