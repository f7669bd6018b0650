// The launcher on its simulated machine: the production loop (launcher/daemon/loop.h) over the simulated network and a log on a
// simulated disk. The process can be killed at any moment, stopped, and started again, also twice at once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/rng.h"
#include "launcher/core/api.h"
#include "launcher/core/world.h"
#include "launcher/daemon/options.h"
#include "tests/sim/agent_process.h"
#include "tests/sim/launcher_disk.h"

namespace everstep::sim {

class LauncherProcess {
 public:
  struct Hooks {
    std::function<void(const World& world)> decided;                         // something was decided in this turn
    std::function<void(const Recovered& recovered)> opened;                  // a launcher has read its log
    std::function<void(LogIndex first, const std::vector<Batch>&)> durable;  // one group is, and was acknowledged
    std::function<void(std::vector<Batch>)> uncertain;                       // one group was being written when it died
    std::function<void(std::uint64_t token, const Result<ApiReply>& reply)> replied;
    std::function<void(const NodeId& node, std::function<void(bool off)> done)> fence;  // the site's hook
  };

  LauncherProcess(const Surroundings& around, Machine& machine, LauncherDisk& log, LauncherOptions options, Rng rng,
                  Hooks hooks);
  ~LauncherProcess();

  DiskWeather disk{};
  Duration wall_shift{0};  // of the wall clock: may change at any moment
  Duration turn_max{0};    // how long a turn takes at most

  // ---- faults --------------------------------------------------------------------------------------------------------------

  void Start();
  void StartSoon();
  void DiedAndStartsSoon();
  void Kill();  // -9, or with the power: what was being written may or may not be durable
  void StopProcess();
  void ContinueProcess();
  // A second one is started on the same log while the first lives. False: it was let in although the first has the log.
  bool SecondIsRefused();
  // The process stands still, and somebody who takes it for dead starts another one. It goes on after `lasts`, and still has
  // its connections.
  void Supersede(Duration lasts);
  // The same, but the other one is started on a copy of the log: no lock and no claim tells either of the other.
  void SupersedeByCopy(Duration lasts);
  std::size_t superseded() const { return superseded_; }
  // One that was superseded has neither ended nor halted.
  bool SupersededStillLeads() const;
  void ContinueZombies();
  // An operator ends those that are still there.
  void EndZombies();
  // Somebody had a newer version of the launcher on this log, and starts this one again: it has to leave it alone.
  void MeetNewerLog();
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
  // Since when it has lived and been able to act; nullopt: it cannot now.
  std::optional<Time> well_since() const;
  // It refuses jobs for want of room.
  bool NearlyFull() const;
  // All that was decided is durable.
  bool Quiet() const;

 private:
  struct Life;
  friend struct Life;
  Life* OwnerOf(std::uint64_t connection);
  void End(std::unique_ptr<Life> life);
  void LoopEnded(Life* life);
  void StartAnew(Life* old);
  Epoch EpochAfter(const Recovered& recovered);
  void CannotStart(std::unique_ptr<Life> life, const Error& error);

  const Surroundings& around_;
  Machine& machine_;
  LauncherDisk& log_;
  const LauncherOptions options_;
  Rng rng_;
  Hooks hooks_;
  std::unique_ptr<Life> life_{};
  std::vector<std::unique_ptr<Life>> zombies_{};  // superseded, still there
  std::size_t superseded_ = 0;
  std::uint64_t connections_ = 0;
  Time began_{};  // to live, or to act again
};

}  // namespace everstep::sim
