// The launcher on its simulated machine: the production loop (launcher/daemon/loop.h) over the simulated network and a log on a
// simulated disk. The process can be killed at any moment, stopped, and started again, also twice at once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/rng.h"
#include "launcher/core/api.h"
#include "launcher/core/world.h"
#include "launcher/store/memory_store.h"
#include "tests/sim/agent_process.h"

namespace everstep::sim {

class LauncherProcess {
 public:
  struct Hooks {
    std::function<void(const World& world)> decided;  // something was decided in this turn
    std::function<void(std::uint64_t token, const Result<ApiReply>& reply)> replied;
  };

  LauncherProcess(const Surroundings& around, Machine& machine, std::shared_ptr<MemoryLog> log, Rng rng, Hooks hooks);
  ~LauncherProcess();

  DiskWeather disk{};
  Duration wall_shift{0};  // of the wall clock: may change at any moment

  // ---- faults --------------------------------------------------------------------------------------------------------------

  void Start();
  void StartSoon();
  void DiedAndStartsSoon();
  void Kill();  // -9, or with the power: what was being written may or may not be durable
  void StopProcess();
  void ContinueProcess();
  void MachineResumed();
  bool Alive() const { return life_ != nullptr; }

  // ---- what others see -----------------------------------------------------------------------------------------------------

  Machine& machine() { return machine_; }
  std::uint64_t Accept(std::shared_ptr<Connection> connection, AgentProcess& agent);
  void Take(std::uint64_t connection, const FromAgent& message);
  // Dropped when nobody listens.
  void Ask(std::uint64_t token, ApiRequest request);
  // nullptr: it does not live.
  const World* world() const;
  const MemoryLog& log() const { return *log_; }
  // All that was decided is durable.
  bool Quiet() const;

 private:
  struct Life;
  friend struct Life;

  const Surroundings& around_;
  Machine& machine_;
  std::shared_ptr<MemoryLog> log_;
  Rng rng_;
  Hooks hooks_;
  std::unique_ptr<Life> life_{};
  std::uint64_t connections_ = 0;
};

}  // namespace everstep::sim
