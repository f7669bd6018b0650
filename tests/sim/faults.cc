#include "tests/sim/faults.h"

#include <algorithm>

#include "base/text.h"

namespace everstep::sim {

namespace {

constexpr FaultKind kCalm[] = {FaultKind::rank_kill,  FaultKind::agent_kill, FaultKind::agent_stop, FaultKind::launcher_kill,
                               FaultKind::weather,    FaultKind::wall_jump,  FaultKind::refusal,    FaultKind::launcher_disk,
                               FaultKind::agent_disk, FaultKind::cancel};
constexpr int kKinds = static_cast<int>(FaultKind::cancel) + 1;

bool OfSeveral(FaultKind kind) { return kind == FaultKind::rack_cut || kind == FaultKind::rack_power_loss; }

// Short ones are as frequent as long ones: bounds lie at all scales.
Duration DrawLength(bool calm, Rng& rng) {
  if (calm) return rng.Jitter(1s);
  const Duration scale[] = {500ms, 2s, 6s, 20s, 90s};
  return 50ms + rng.Jitter(scale[rng.Below(std::size(scale))]);
}

}  // namespace

std::string Fault::Str() const {
  std::vector<std::string> names;
  for (const int host : hosts) names.push_back(Cat('n', host));
  return Cat(Show(at.time_since_epoch()), ' ', Name(kind), hosts.empty() ? "" : " ", Join(names, "+"), " for ", Show(lasts));
}

std::vector<Fault> DrawFaults(const FaultPlan& plan, Rng& rng) {
  std::vector<FaultKind> kinds;
  for (int i = 0; i < kKinds; ++i) {
    const FaultKind kind = static_cast<FaultKind>(i);
    const bool legal = !plan.calm || std::find(std::begin(kCalm), std::end(kCalm), kind) != std::end(kCalm);
    if (rng.Below(2) == 0 && legal) kinds.push_back(kind);
  }
  std::vector<Fault> faults;
  if (kinds.empty()) return faults;
  const Duration every = 5s + rng.Jitter(40s);
  for (Time at = AtNanoseconds(0) + 15s; at < AtNanoseconds(0) + plan.over; at += rng.Jitter(2 * every)) {
    Fault fault{.at = at, .kind = kinds[rng.Below(kinds.size())], .lasts = DrawLength(plan.calm, rng), .dice = rng.Next()};
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
