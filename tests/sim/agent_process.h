// The agent of one simulated machine: the production loop (agent/daemon/loop.h) over the simulated network, keepers, disk and
// file system. The process can be killed, stopped (SIGSTOP) and started again; its disk outlives it.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/rng.h"
#include "tests/sim/bugs.h"
#include "tests/sim/keepers.h"
#include "tests/sim/network.h"

namespace everstep::sim {

class LauncherProcess;

// What all agents share.
struct Surroundings {
  Agenda& agenda;
  Network& network;
  Training& training;
  // The launcher that listens now on its machine; nullptr: none.
  std::function<LauncherProcess*()> launcher;
  int launcher_machine = 0;
  std::function<class AgentProcess*(const std::string& address)> agent_at;
  std::function<void(const std::string& line)> trace;
  std::function<void(const std::string& what)> accuse;
  Bug bug = Bug::none;
};

// How the machine's disk behaves.
struct DiskWeather {
  Duration delay_max = 10ms;
  double stall = 0;  // chance of a write that takes up to stall_max
  Duration stall_max{0};
  bool fails = false;  // every write
};

class AgentProcess {
 public:
  AgentProcess(const Surroundings& around, Machine& machine, Rng rng);
  ~AgentProcess();

  DiskWeather disk{};
  std::optional<std::string> refuses{};  // set: this host cannot prepare any gang, because of this
  Keepers keepers;
  HostHealth health{.watched = true};  // what its monitor says; outlives the agent

  // ---- faults --------------------------------------------------------------------------------------------------------------

  void Start();
  void StartSoon();
  void DiedAndStartsSoon();
  void Kill();         // -9, or with the power: what was not on disk yet may or may not get there
  void StopProcess();  // SIGSTOP
  void ContinueProcess();
  void MachineResumed(Duration stood);
  bool Alive() const;
  void HealthChanged();  // after a change of `health`

  // ---- what others see -----------------------------------------------------------------------------------------------------

  Machine& machine() { return machine_; }
  std::string address() const { return "10.0.0." + std::to_string(machine_.index) + ":7451"; }
  // A ping has arrived at this machine over a fresh connection; `answer` is called when the agent answers it.
  void TakePing(const Ping& ping, std::function<void(std::optional<Pong>)> answer);
  // From the launcher, on the connection that stands.
  void TakeMessage(ToAgent message, std::uint64_t connection);
  // One that it was sent before, over whatever connection, whether it came or not.
  void WasSent(const ToAgent& message);
  void TakeOldMessage(std::uint64_t dice);

 private:
  struct Life;  // what dies with the process
  friend struct Life;

  const Surroundings& around_;
  Machine& machine_;
  Rng rng_;
  std::map<std::string, std::string> disk_{};  // durable
  Epoch epoch_of_ranks_{};                     // under which this host started ranks last
  std::map<GangKey, Epoch> ordered_{};         // under which the start of a gang came first
  Epoch epoch_heard_{};                        // the highest that welcomed this process: before that it listens to nothing
  HostHealth said_{};                          // of `health`, to the agent, if its monitor has the bug
  std::deque<ToAgent> told_{};                 // commands and acknowledgements of late
  std::unique_ptr<Life> life_{};
};

}  // namespace everstep::sim
