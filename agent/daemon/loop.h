// The agent: one object that owns all state of this host's part in the cluster, driven by inputs, with time as an argument. The
// same object runs in the daemon (base/real/loop_thread.h) and in the simulator.
//
// It keeps the stream to the launcher (agent/core/session.h), beats on it, reports (agent/core/report.h), obeys commands of the
// highest epoch it knows (agent/core/memory.h, gang_table.h), keeps the fence of its gangs pushed out (agent/core/fence.h) and
// answers anyone who asks whether it lives.
//
// Thread: one, the loop thread. Nothing here blocks but Begin, which reads the state directory and counts the start in it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/core/fence.h"
#include "agent/core/report.h"
#include "agent/core/rumour.h"
#include "agent/core/session.h"
#include "agent/daemon/gang_table.h"
#include "agent/daemon/inputs.h"
#include "agent/daemon/log_sink.h"
#include "agent/daemon/state_files.h"
#include "base/rng.h"
#include "base/seam/files.h"
#include "base/seam/links.h"
#include "base/seam/processes.h"
#include "base/seam/slow_files.h"

namespace everstep {

// Who this agent is; found out by main, fixed for the life of the process.
struct AgentSetup {
  NodeId node{};
  BootId boot{};
  std::string version{};
  std::string address{};  // host:port where peers and the launcher reach this agent
  std::uint32_t accelerators = 0;
  HostFacts host{};          // host.job_address: MASTER_ADDR when rank 0 runs here
  std::string state_dir{};   // memory.json, cluster.json; the keepers' spools are in gangs/
  ProgressTable progress{};  // what to look for in what ranks print
};

class AgentLoop {
 public:
  // How long the first attempt to reach the launcher may wait for keepers that an earlier agent left: its first report says
  // what they say. Well below any fence time.
  static constexpr Duration kAdoptionMax = 1s;
  // For a question asked on behalf of the launcher.
  static constexpr Duration kProbePatience = 700ms;

  AgentLoop(AgentSetup setup, LauncherLink& link, Processes& processes, Files& files, StateWriter& writer,
            SlowFiles& slow_files, Rng rng, LogSink log);
  AgentLoop(const AgentLoop&) = delete;
  AgentLoop& operator=(const AgentLoop&) = delete;

  // Told of each acknowledged beat: when it was sent, and the launcher's wall clock at some time since. Must not block. For who
  // compares clocks; nothing is decided by it.
  using ClockSink = std::function<void(Time now, Time sent, WallTime launcher)>;
  void OnClock(ClockSink sink) { on_clock_ = std::move(sink); }

  // Reads the memory, counts this start, takes over living gangs. On an error the agent cannot run. REQUIRES: called once,
  // before the others.
  Status Begin(Time now);
  void Handle(Time now, AgentInput input);
  void Tick(Time now);
  // When Tick is next due. After Tick(t) it is later than t.
  std::optional<Time> Deadline() const;

  // The launcher has refused this agent for good: the process ends and says why. Its keepers live on.
  bool Ended() const { return ended_why_.has_value(); }
  const std::optional<std::string>& ended_why() const { return ended_why_; }

  Incarnation incarnation() const { return state_.memory().incarnation; }

 private:
  void On(Time now, const LinkOpened& input);
  void On(Time now, const LinkMessage& input);
  void On(Time now, const LinkClosed& input);
  void On(Time now, const PingReceived& input);
  void On(Time now, const PingAnswer& input);
  void On(Time now, const KeeperEvent& input);
  void On(Time now, const GangChecked& input);
  void On(Time now, const CheckpointFound& input);
  void On(Time, const CheckpointTorn& input);
  void On(Time, const DrillFailed& input);
  void On(Time now, const StateWritten& input);
  void On(Time, const HealthSaid& input) { reporter_.SetHealth(input.health); }

  void Obey(Time now, const Welcome& welcome);
  void Obey(Time now, const Rejected& rejected);
  void Obey(Time now, const BeatAck& ack);
  void Obey(Time now, const ReportAck& ack);
  void Obey(Time now, const ProbePeer& probe);
  void Obey(Time, const Inject& inject);
  template <class GangCommand>
  void Obey(Time now, const GangCommand& command) {
    gangs_.Handle(now, command);
  }

  // The epoch may command this host. `index`: what it tells of its log.
  bool Authority(Epoch epoch, LogIndex index, std::string_view what);
  // A message of a higher epoch than is on disk waits until that is, and all that come after it wait too.
  bool MustWait(Epoch epoch, std::string_view what);
  void EpochWritten(Time now, const Status& status);
  void Acknowledged(Time now, Time sent);
  Beat FreshBeat(Time now);
  void Follow(Time now, Fence::Step step);
  void RunSession(Time now);
  void RunFence(Time now);
  // What every turn ends with: reports, beats, questions, leases that have become due.
  void Settle(Time now);
  // For the next agent, in case there is no launcher then. Only hosts with gangs need it, the others are spared the fsync.
  void RememberCluster();
  void CloseLink(const std::string& why);

  AgentSetup setup_;
  LauncherLink& link_;
  SlowFiles& slow_files_;
  Rng rng_;
  LogSink log_;
  StateFiles state_;
  GangTable gangs_;
  Session session_;
  Reporter reporter_{};
  Rumour rumour_{};
  std::optional<Fence> fence_{};  // set by Begin

  bool adopting_ = false;              // the first attempt waits for keepers
  std::optional<Time> adopt_until_{};  // until then; counted from the first turn, as Begin may have waited for the disk
  Sequence beat_{};
  std::optional<Time> hello_sent_{};                     // of this session, until its first Welcome
  std::set<std::pair<NodeId, std::uint64_t>> probes_{};  // asked for the launcher, not answered yet
  std::optional<ClusterMemory> cluster_{};               // told by the launcher, not remembered yet
  Epoch obeyed_{};                                       // highest that is on disk
  struct EpochWrite {
    std::uint64_t write = 0;
    Epoch epoch{};
    std::string what{};  // came with it
  };
  std::optional<EpochWrite> epoch_write_{};  // under way
  std::vector<LinkMessage> held_{};          // of this stream, until it is done
  std::optional<std::string> ended_why_{};

  ClockSink on_clock_{};
  std::string link_said_{};           // why the link was down when last logged
  std::optional<bool> count_said_{};  // how the round of questions that was logged last ended
  std::optional<Time> lapse_said_{};  // the lease whose end was logged
};

}  // namespace everstep
