// The keepers of one host, and their ranks: they obey as everstep-keeper does, with time as an argument, and outlive the agent.
// What they say goes to `post` while an agent is there.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/seam/processes.h"

namespace everstep {

class FakeKeepers : public Processes {
 public:
  struct Keeper {
    KeeperStatus status{};
    std::optional<KeeperStandby> standby{};
    std::optional<KeeperStart> start{};
    Time lease{};
    std::optional<Time> kill_at{};
    bool alive = true;         // the keeper's process
    bool ends_on_term = true;  // its ranks
    bool killable = true;      // its ranks: false: D state
  };
  using Post = std::function<void(KeeperEvent)>;

  explicit FakeKeepers(Post post) : post_(std::move(post)) {}

  std::map<GangKey, Keeper> keepers{};
  std::optional<Error> adopt_error{};         // set: what is left here cannot be seen
  std::optional<std::string> launch_error{};  // set: no keeper can be started
  bool holds_its_tongue = false;              // keepers are frozen: they say nothing, and do nothing
  std::vector<std::pair<GangKey, ToKeeper>> sent{};
  std::set<GangKey> discarded{};
  std::vector<std::pair<GangKey, Fault>> injected{};

  // ---- the world's verbs ---------------------------------------------------------------------------------------------------

  // Time passes: leases end, graces end.
  void Advance(Time now) {
    now_ = now;
    if (holds_its_tongue) return;
    for (auto& [key, keeper] : keepers) {
      if (!keeper.alive || keeper.status.phase == KeeperPhase::empty) continue;
      if (now >= keeper.lease && !keeper.status.fenced) {
        keeper.status.fenced = true;
        keeper.status.why = "fenced: the lease ran out";
        Kill(key, keeper);
      } else if (keeper.kill_at && now >= *keeper.kill_at) {
        Kill(key, keeper);
      }
    }
  }
  void RankExits(const GangKey& key, std::uint32_t rank, std::uint32_t code) {
    Keeper& keeper = keepers.at(key);
    for (RankStatus& status : keeper.status.ranks)
      if (status.rank == rank) status.exit = RankExit{.code = code, .at = now_, .tail = code == 0 ? "" : "Traceback"};
    if (AllEnded(keeper)) keeper.status.phase = KeeperPhase::empty;
    Say(key, KeeperEventKind::status);
  }
  // The keeper's own process dies; what it last wrote says `phase`.
  void KeeperDies(const GangKey& key) {
    keepers.at(key).alive = false;
    Say(key, KeeperEventKind::gone);
  }
  // Everything in D state comes back to life and dies.
  void Thaw(const GangKey& key) {
    keepers.at(key).killable = true;
    Kill(key, keepers.at(key));
  }
  // Sends the status again.
  void Speak(const GangKey& key) { Say(key, KeeperEventKind::up); }
  std::size_t Alive() const {
    return static_cast<std::size_t>(
        std::count_if(keepers.begin(), keepers.end(), [](const auto& k) { return k.second.alive; }));
  }
  bool Runs(const GangKey& key) const {
    const auto found = keepers.find(key);
    return found != keepers.end() && found->second.start && found->second.status.phase != KeeperPhase::empty;
  }

  // ---- Processes -----------------------------------------------------------------------------------------------------------

  void Launch(const GangKey& key, KeeperLease lease) override {
    if (launch_error) return post_({.gang = key, .kind = KeeperEventKind::failed, .status = {}, .why = *launch_error});
    keepers[key] = Keeper{.lease = lease.until};
    Say(key, KeeperEventKind::up);
  }
  Result<std::vector<GangKey>> Adopt() override {
    if (adopt_error) return Fail(*adopt_error);
    std::vector<GangKey> found;
    for (const auto& [key, keeper] : keepers) {
      found.push_back(key);
      Say(key, keeper.alive ? KeeperEventKind::up : KeeperEventKind::gone);
    }
    return found;
  }
  void Send(const GangKey& key, ToKeeper message) override {
    sent.emplace_back(key, message);
    const auto found = keepers.find(key);
    if (found == keepers.end() || !found->second.alive) return;
    std::visit([&](const auto& m) { Obey(key, found->second, m); }, message);
  }
  void Inject(const GangKey& key, const Fault& fault) override { injected.emplace_back(key, fault); }
  void Discard(const GangKey& key) override {
    discarded.insert(key);
    keepers.erase(key);
  }

 private:
  static bool AllEnded(const Keeper& keeper) {
    return std::all_of(keeper.status.ranks.begin(), keeper.status.ranks.end(), [](const RankStatus& r) { return r.exit; });
  }
  void Say(const GangKey& key, KeeperEventKind kind) {
    if (holds_its_tongue) return;
    post_({.gang = key, .kind = kind, .status = keepers.at(key).status, .why = kind == KeeperEventKind::gone ? "ended" : ""});
  }
  void End(const GangKey& key, Keeper& keeper, std::uint32_t signal) {
    for (RankStatus& rank : keeper.status.ranks)
      if (!rank.exit) rank.exit = RankExit{.signal = signal, .stopped_by_us = true, .at = now_};
    keeper.status.phase = KeeperPhase::empty;
    Say(key, KeeperEventKind::status);
  }
  void Kill(const GangKey& key, Keeper& keeper) {
    if (keeper.killable || !keeper.start) return End(key, keeper, 9);
    keeper.status.phase = KeeperPhase::stopping;
    keeper.status.why = "1 process in D state";
    Say(key, KeeperEventKind::status);
  }
  void Obey(const GangKey& key, Keeper& keeper, const KeeperStart& start) {
    if (keeper.start || keeper.status.phase != KeeperPhase::ready) return;
    keeper.start = start;
    for (const RankCommand& rank : start.ranks) keeper.status.ranks.push_back({.rank = rank.rank, .pid = 1000 + rank.rank});
    keeper.status.phase = KeeperPhase::running;
    Say(key, KeeperEventKind::status);
  }
  void Obey(const GangKey&, Keeper& keeper, const KeeperStandby& standby) { keeper.standby = standby; }
  void Obey(const GangKey&, Keeper& keeper, const KeeperLease& lease) {
    if (now_ < keeper.lease) keeper.lease = std::max(keeper.lease, lease.until);
  }
  void Obey(const GangKey& key, Keeper& keeper, const KeeperStop& stop) {
    if (keeper.status.phase == KeeperPhase::empty) return;
    if (!keeper.start || (keeper.ends_on_term && keeper.killable)) return End(key, keeper, 15);
    const Time at = now_ + stop.grace;
    keeper.kill_at = keeper.kill_at ? std::min(*keeper.kill_at, at) : at;
    keeper.status.phase = KeeperPhase::stopping;
    Say(key, KeeperEventKind::status);
    if (now_ >= *keeper.kill_at) Kill(key, keeper);
  }
  void Obey(const GangKey& key, Keeper& keeper, const KeeperQuit&) {
    if (keeper.start && keeper.status.phase != KeeperPhase::empty) return;
    keeper.alive = false;
    Say(key, KeeperEventKind::gone);
  }

  Post post_;
  Time now_{};
};

}  // namespace everstep
