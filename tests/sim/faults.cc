#include "tests/sim/faults.h"

#include <algorithm>

#include "base/text.h"

namespace everstep::sim {

namespace {

bool OfSeveral(FaultKind kind) { return kind == FaultKind::rack_cut || kind == FaultKind::rack_power_loss; }

// Short ones are as frequent as long ones: bounds lie at all scales.
Duration DrawLength(bool calm, Rng& rng) {
  if (calm) return rng.Jitter(1s);
  const Duration scale[] = {500ms, 2s, 6s, 20s, 90s};
  return 50ms + rng.Jitter(scale[rng.Below(std::size(scale))]);
}

std::vector<FaultChance> InSeed(const FaultPlan& plan, Rng& rng) {
  std::vector<FaultChance> kinds;
  for (const FaultChance& chance : FaultChances()) {
    const bool drawn = rng.Unit() < chance.in_seed;  // drawn for each, so that one more kind changes no other's dice
    const bool wanted = plan.only.empty() ? drawn : std::count(plan.only.begin(), plan.only.end(), chance.kind) > 0;
    if (wanted && (chance.calm || !plan.calm)) kinds.push_back(chance);
  }
  return kinds;
}

FaultKind Pick(const std::vector<FaultChance>& kinds, Rng& rng) {
  std::uint64_t sum = 0;
  for (const FaultChance& chance : kinds) sum += chance.weight;
  std::uint64_t at = rng.Below(sum);
  for (const FaultChance& chance : kinds) {
    if (at < chance.weight) return chance.kind;
    at -= chance.weight;
  }
  return kinds.back().kind;
}

}  // namespace

const std::vector<FaultChance>& FaultChances() {
  using enum FaultKind;
  static const std::vector<FaultChance> kChances = {
      {rank_kill, .5, 3, true, "1"},
      {rank_exit, .3, 2, true, "2"},
      {rank_oom, .2, 1, true, "2"},
      {rank_stop, .3, 2, true, "3"},
      {rank_blocked, .3, 2, true, "4"},
      {slow_host, .2, 1, true, "24"},
      {poison_host, .15, 1, true, "27"},
      {keeper_kill, .3, 2, true, "1 23"},
      {agent_kill, .5, 3, true, "5 23"},
      {agent_stop, .5, 2, true, "6 22"},
      {agent_disk, .4, 2, true, "20"},
      {agent_disk_fails, .2, 1, true, "16 17"},
      {refusal, .3, 2, true, "2"},
      {power_loss, .5, 3, false, "7"},
      {rack_power_loss, .3, 1, false, "8"},
      {pause, .5, 3, false, "6"},
      {cut, .5, 3, false, "11"},
      {cut_launcher, .4, 2, false, "11"},
      {deaf, .4, 2, false, "12"},
      {mute, .4, 2, false, "12"},
      {rack_cut, .5, 2, false, "11"},
      {fabric_cut, .3, 2, true, "13"},
      {flap, .3, 1, false, "15"},
      {late_then_cut, .3, 2, false, "11 14"},
      {replay, .4, 2, true, "14 30"},
      {clog, .4, 2, true, "14"},
      {weather, .5, 2, true, "14"},
      {launcher_kill, .5, 3, true, "9 10 23"},
      {launcher_stop, .4, 2, false, "9 22"},
      {launcher_power, .3, 2, false, "9 18 19"},
      {launcher_twin, .3, 2, false, "29"},
      {launcher_copy, .2, 1, false, "29"},
      {launcher_newer_log, .15, 1, true, "30"},
      {launcher_disk, .4, 2, true, "20"},
      {launcher_disk_full, .2, 1, true, "16"},
      {launcher_fsync, .3, 2, true, "17"},
      {launcher_bit_flip, .15, 1, false, "18"},
      {launcher_lost_write, .15, 1, false, "18"},
      {launcher_misdirected_write, .15, 1, false, "18"},
      {storage_stall, .3, 2, true, "20"},
      {storage_full, .2, 1, true, "16"},
      {checkpoint_rot, .3, 2, true, "18"},
      {wall_jump, .4, 2, true, "21"},
      {wall_strobe, .2, 1, true, "21"},
      {drain, .2, 1, true, "34"},
      {cancel, .3, 2, true, "34"},
      {drill, .2, 2, true, "1 3 6 7"},
      {preemption, .2, 2, false, "34 7"},
      {alarm, .4, 3, true},
      {alarm_flaps, .25, 2, true},
      {alarm_everywhere, .2, 1, true},
  };
  return kChances;
}

std::string Fault::Str() const {
  std::vector<std::string> names;
  for (const int host : hosts) names.push_back(Cat('n', host));
  return Cat(Show(at.time_since_epoch()), ' ', Name(kind), hosts.empty() ? "" : " ", Join(names, "+"), " for ", Show(lasts));
}

std::vector<Fault> DrawFaults(const FaultPlan& plan, Rng& rng) {
  const std::vector<FaultChance> kinds = InSeed(plan, rng);
  std::vector<Fault> faults;
  if (kinds.empty()) return faults;
  const Duration every = 5s + rng.Jitter(40s);
  for (Time at = AtNanoseconds(0) + 15s; at < AtNanoseconds(0) + plan.over; at += rng.Jitter(2 * every)) {
    Fault fault{.at = at, .kind = Pick(kinds, rng), .lasts = DrawLength(plan.calm, rng), .dice = rng.Next()};
    const auto hosts = static_cast<std::uint64_t>(plan.hosts);
    const std::uint64_t count = OfSeveral(fault.kind) ? 1 + rng.Below(hosts) : 1;
    std::vector<int> all;
    for (int host = 1; host <= plan.hosts; ++host) all.push_back(host);
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::size_t pick = rng.Below(all.size());
      fault.hosts.push_back(all[pick]);
      all.erase(all.begin() + static_cast<std::ptrdiff_t>(pick));
    }
    std::sort(fault.hosts.begin(), fault.hosts.end());
    faults.push_back(std::move(fault));
  }
  return faults;
}

}  // namespace everstep::sim
