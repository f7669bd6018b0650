// A whole cluster in one thread: the production loops of a launcher and of N agents, simulated machines, links, disks,
// processes and training jobs under them, a user who submits jobs, and a judge (judge.h) who looks at every decision. A run is
// a function of its options: the same seed gives the same events, to the last one.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/agent_process.h"
#include "tests/sim/faults.h"
#include "tests/sim/judge.h"
#include "tests/sim/launcher_process.h"
#include "tests/sim/network.h"
#include "tests/sim/swarm.h"
#include "tests/sim/training.h"

namespace everstep::sim {

struct RunOptions {
  std::uint64_t seed = 1;
  int hosts = 5;
  int jobs = 3;
  std::uint32_t nodes = 0;  // of each job; 0: drawn. Such jobs last for the whole run, and have a spare.
  Duration fault_phase = 5min;
  Duration heal_phase = 15min;  // all faults are over: every job must have ended by its end
  bool calm = false;            // only faults below the bounds
  Duration wall_shift{0};       // of the launcher's wall clock, from the start: may change nothing
  bool keep_trace = false;
  bool wall_jumps = true;                      // false: faults of the wall clock change nothing, not even what is displayed
  std::vector<FaultKind> only{};               // draw these kinds; empty: what the seed has
  std::optional<std::vector<Fault>> faults{};  // instead of drawn ones
  Bug bug = Bug::none;
};

class Cluster {
 public:
  explicit Cluster(const RunOptions& options);
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  // REQUIRES: called once.
  Outcome Run();

 private:
  void Begin();
  void BeginOnOldLog();
  void Submit(int number);
  void AskUntilAnswered(std::uint64_t token, const ApiRequest& request, const Script& script);
  void Replied(std::uint64_t token, const Result<ApiReply>& reply);
  void HealAll();
  void Tick();
  void Watch(int index);
  bool Reaches(int index) const;
  void RoomIsNoticed();
  void FenceOff(const NodeId& node, const std::function<void(bool off)>& done);
  Judge::HostTruth TruthOf(const NodeId& node) const;
  void Sum(Outcome& outcome) const;
  void Accuse(const std::string& what);
  void Trace(const std::string& line);

  // strike.cc
  void After(Duration lasts, std::function<void()> undo);
  void PowerOff(int index, Duration lasts);
  void PowerOn(int index);
  void Pause(int index, Duration lasts);
  void Resume(int index);
  void CutOneWay(int from, int to, Duration lasts);
  void CutOff(const std::vector<int>& inside, Duration lasts);
  void Flap(int host, Duration lasts);
  void Strike(const Fault& fault);
  void StrikeRank(const Fault& fault);
  void StrikeStorage(const Fault& fault);
  void StrikeLinks(const Fault& fault);
  void BadWeather(const Fault& fault);
  void Replay(int host, Duration lasts, std::uint64_t dice);
  void Cancel(const Fault& fault);
  void StrikeAgent(const Fault& fault, AgentProcess& agent);
  void StopAgent(AgentProcess& agent, Duration lasts);
  void Drill(const Fault& fault);
  void Injected(int index, const GangKey& gang, const everstep::Fault& drill);
  void StrikeLauncher(const Fault& fault);
  void StrikeLog(const Fault& fault);
  void JumpWall(const Fault& fault);
  void Strobe(Duration lasts, Duration jump);
  void Drain(const Fault& fault);
  void Preempt(const Fault& fault);
  void Undrain(const NodeId& node);

  // alarms.cc
  void StrikeHealth(const Fault& fault);
  void Raise(int host, const HostAlarm& alarm);
  void Mend(int host, const std::string& check);
  void Flap(int host, const HostAlarm& alarm, Duration lasts);
  void Repair(int host, bool by_reboot);
  void CareFor(int host);
  void BootHealth(int host);
  bool NobodyIsOut() const;

  RunOptions options_;
  Rng rng_;
  Swarm swarm_;
  Agenda agenda_{};
  std::vector<std::unique_ptr<Machine>> machines_;  // 0: the launcher's
  Network network_;
  Training training_;
  Surroundings around_;
  LauncherOptions launcher_options_;
  Judge judge_;
  LauncherDisk log_;
  std::vector<std::unique_ptr<AgentProcess>> agents_{};  // [i]: of machine i; [0] is empty
  std::unique_ptr<LauncherProcess> launcher_{};

  struct HostWatch {
    bool stopped = false;  // its agent, by SIGSTOP
    Judge::HostTruth truth{};
  };
  std::vector<HostWatch> watch_{};
  Time full_at_{};  // the log's disk was, last
  std::vector<Fault> faults_{};
  bool healed_ = false;
  std::map<std::uint64_t, Script> open_{};  // submits that were not answered yet
  std::uint64_t tokens_ = 0;
  std::uint64_t hash_ = 0xcbf29ce484222325u;
  std::deque<std::string> trace_{};
};

}  // namespace everstep::sim
