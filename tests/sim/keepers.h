// The keepers of one simulated machine and the ranks they started. Their rules are everstep-keeper's own (agent/keeper/
// escalation.h; the lease); processes are simulated (training.h). Keepers outlive the agent, not the power.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/keeper/escalation.h"
#include "base/rng.h"
#include "base/seam/processes.h"
#include "tests/sim/bugs.h"
#include "tests/sim/training.h"

namespace everstep::sim {

class Keepers : public Processes {
 public:
  // `post`: to the agent that runs now, if any.
  Keepers(Agenda& agenda, Machine& machine, Training& training, Rng rng, Bug bug, std::function<void(KeeperEvent)> post)
      : agenda_(agenda), machine_(machine), training_(training), rng_(rng), bug_(bug), post_(std::move(post)) {}

  std::function<void(const GangKey&)> execs{};                             // told when ranks are handed over
  std::function<void(const GangKey&, const everstep::Fault&)> injected{};  // brings a drill about
  bool stale = false;       // the agent handles a message of an epoch that was over when it came: nothing may follow from it
  double ignores_term = 0;  // chance that a gang's ranks ignore SIGTERM

  // ---- what happens to them ------------------------------------------------------------------------------------------------

  void RankExited(const RankPlace& place, RankExit exit);
  void RankStepped(const RankPlace& place, std::uint64_t step);
  void PowerLost();
  // SIGKILL to the keeper of one gang, drawn by `dice`. Its ranks get SIGKILL from the kernel.
  void KillOne(std::uint64_t dice);
  void Kill(const GangKey& gang);
  // The machine runs again after this long: timers that came due meanwhile fire before anything else.
  void Resumed(Duration stood);

  // ---- Processes -----------------------------------------------------------------------------------------------------------

  void Launch(const GangKey& gang, KeeperLease lease) override;
  Result<std::vector<GangKey>> Adopt() override;
  void Send(const GangKey& gang, ToKeeper message) override;
  void Inject(const GangKey& gang, const everstep::Fault& fault) override { injected(gang, fault); }
  void Discard(const GangKey& gang) override { keepers_.erase(gang); }

 private:
  struct Keeper {
    KeeperStatus status{};
    Escalation escalation{};
    Time lease{};
    bool started = false;
    bool alive = true;
    std::size_t buried = 0;  // ranks that a dead keeper has left in a system call
    bool ignores_term = false;
    std::optional<Time> armed{};  // when it looks at its timers next; virtual time
  };
  Time Now() const { return machine_.clock.Local(agenda_.now()); }
  void Say(const GangKey& gang, KeeperEventKind kind);
  void Arm(const GangKey& gang);
  void Check(const GangKey& gang);
  bool HearTerm(const GangKey& gang, const Keeper& keeper) const;
  void EndRanks(const GangKey& gang, Keeper& keeper, std::uint32_t signal);
  void StoppedInTime(const GangKey& gang, Time asked);
  void Gone(const GangKey& gang, Keeper& keeper);
  static void EmptyIfSo(Keeper& keeper);
  void Obey(const GangKey& gang, Keeper& keeper, const KeeperStart& start);
  void Obey(const GangKey& gang, Keeper& keeper, const KeeperLease& lease);
  void Obey(const GangKey& gang, Keeper& keeper, const KeeperStop& stop);
  void Obey(const GangKey&, Keeper&, const KeeperStandby&) {}  // what waits does nothing that the rules see
  void Obey(const GangKey& gang, Keeper& keeper, const KeeperQuit& quit);

  Agenda& agenda_;
  Machine& machine_;
  Training& training_;
  Rng rng_;
  const Bug bug_;
  std::function<void(KeeperEvent)> post_;
  std::map<GangKey, Keeper> keepers_{};
  std::vector<std::pair<GangKey, ToKeeper>> unread_{};  // sent while the machine stood still
};

}  // namespace everstep::sim
