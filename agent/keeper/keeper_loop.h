// The keeper: parent of one gang's ranks on this host. It outlives the agent, obeys whichever agent is connected, and ends the
// gang by itself when its lease runs out.
//
//   ready → running → stopping → empty        (ready → empty: stopped or fenced before it was started, or the start was wrong)
//
// Fence: at the lease's end everything gets SIGKILL at once, whether an agent is connected or not, and whatever the disk does:
// this loop waits for nothing but poll(). CLOCK_BOOTTIME: a host that slept through its lease kills on waking.
// End: on KeeperQuit when nothing of the gang lives; by itself when in addition no agent is connected, the lease has run out
// and the record of all this is durable (its spool then answers for it).
//
// Threads: one loop; a DiskThread for the disk. Ranks are forked by the loop's thread.
#pragma once

#include <sys/resource.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/keeper/agent_door.h"
#include "agent/keeper/cgroup.h"
#include "agent/keeper/disk_thread.h"
#include "agent/keeper/escalation.h"
#include "agent/keeper/ranks.h"
#include "agent/keeper/spool.h"
#include "base/real/clock.h"
#include "base/real/fd.h"
#include "base/result.h"

namespace everstep {

struct KeeperOptions {
  GangKey gang{};
  std::string spool{};  // directory; exists
  std::string logs{};   // directory of this gang's log files; made when needed
  Time lease{};         // the fence timer's first end
  LogLimits log_limits{};
  std::string kernel_log{};  // path; empty: it is not read
};

// How the process was started; ranks get these back.
struct KeeperInheritance {
  rlimit open_files{};
  std::optional<std::string> oom_score{};  // set when the keeper changed its own
};

class KeeperLoop {
 public:
  // REQUIRES: SIGCHLD is blocked, no thread was started, this process is the subreaper of its descendants. The first record is
  // written on return.
  static Result<std::unique_ptr<KeeperLoop>> Make(KeeperOptions options, KeeperInheritance inheritance, Fd listening);

  // Returns when the keeper is to end. False: the disk is stuck, leave without waiting for its thread.
  bool Run();

 private:
  KeeperLoop(KeeperOptions options, KeeperInheritance inheritance, Fd listening, Fd child_signals, Fd fence_timer);

  void Turn();
  int TimeToWait(Time now) const;
  void Obey(Time now, ToKeeper message);
  void Obey(Time now, KeeperStart message);
  void Obey(Time now, KeeperStandby message);
  void Obey(Time now, KeeperLease message);
  void Obey(Time now, KeeperStop message);
  void Obey(Time now, KeeperQuit message);
  void StartWhenMarked(Time now);
  void EndUnstarted(std::string why);
  void CheckFence(Time now);
  void Escalate(Time now);
  void KeepKilling(Time now);
  void CheckEmpty(Time now);
  void CheckEnd(Time now);
  void Publish(Time now);
  void Record(Time now, const KeeperStatus& status, bool again);
  KeeperStatus StatusNow() const;
  Status ArmFence();
  bool Leave();

  KeeperOptions options_;
  RealClock clock_;
  Fd child_signals_;
  Fd fence_timer_;
  GangCgroup cgroup_;
  AgentDoor door_;
  std::vector<pollfd> polled_;

  KeeperPhase phase_ = KeeperPhase::ready;
  std::optional<KeeperStart> start_;  // legal; waits for its mark in the spool
  std::uint64_t mark_number_ = 0;
  std::shared_ptr<Status> marked_ = std::make_shared<Status>();  // the disk thread's until mark_number_ is done
  bool started_ = false;
  bool standing_by_ = false;  // ranks wait, or have waited
  bool fenced_ = false;
  bool quit_ = false;
  std::string why_;
  std::string stuck_;  // what keeps the gang from being empty
  Escalation escalation_;
  Time kill_again_{};
  std::optional<Time> gone_at_;  // nothing left; its last output is on its way to the files
  std::uint64_t output_done_ = 0;

  std::optional<KeeperStatus> shown_;  // to the agent; without its progress
  std::optional<Progress> progress_;   // shown beside it
  Time progress_at_{};                 // when it was looked at

  std::optional<KeeperStatus> recorded_;  // given to record_disk_; without its progress
  Time recorded_at_{};
  std::uint64_t record_number_ = 0;
  std::shared_ptr<std::atomic<bool>> record_durable_ = std::make_shared<std::atomic<bool>>(false);

  DiskThread record_disk_;
  DiskThread output_disk_;
  Ranks ranks_;  // uses cgroup_ and output_disk_
};

}  // namespace everstep
