// A simulated machine as the network sees it, and its boot clock. Processes on it are agent_process.h, keepers.h and
// launcher_process.h.
//
//   up      runs
//   paused  the whole machine stands still (a stopped virtual machine): it answers nothing, its boot clock goes on
//   off     no power: everything but its disk is gone
#pragma once

#include <cstdint>
#include <string>

#include "base/ids.h"
#include "base/time.h"

namespace everstep::sim {

enum class Power { up, paused, off };

// Rates of clocks differ: local = base + virtual × (1 + rate).
struct MachineClock {
  Duration base{0};
  std::int64_t rate_ppm = 0;

  Time Local(Time v) const {
    const auto ns = static_cast<__int128>(Nanoseconds(v)) * (1'000'000 + rate_ppm) / 1'000'000;
    return AtNanoseconds(static_cast<std::int64_t>(ns) + base.count());
  }
  // The first virtual moment at which Local() is not below `local`.
  Time Virtual(Time local) const {
    const auto ns = static_cast<__int128>(Nanoseconds(local) - base.count()) * 1'000'000 / (1'000'000 + rate_ppm);
    Time v = AtNanoseconds(static_cast<std::int64_t>(ns));
    while (Local(v) < local) v += 1ns;
    return v;
  }
};

struct Machine {
  int index = 0;
  std::string name{};
  Power power = Power::up;
  std::uint64_t boots = 1;
  MachineClock clock{};
  Time paused_at{};

  bool Runs() const { return power == Power::up; }
  BootId boot() const { return BootId(name + "-boot-" + std::to_string(boots)); }
};

}  // namespace everstep::sim
