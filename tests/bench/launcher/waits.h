// Time as the measurement reads it, and waits that end when it is told to stop.
#pragma once

#include <time.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <functional>

#include "base/real/clock.h"
#include "base/time.h"

namespace everstep {

inline constexpr Duration kPatience = 4min;  // for any one thing

inline std::atomic<bool> g_stop{false};  // by Ctrl-C, or because patience has ended

inline Time NowIs() { return RealClock().Now(); }

// A wait, not for something: this long is measured. Cut short by Ctrl-C.
inline void Measure(Duration time) {
  const Time until = NowIs() + time;
  while (!g_stop && NowIs() < until) {
    const Duration left = std::min<Duration>(until - NowIs(), 100ms);
    timespec step{.tv_sec = 0, .tv_nsec = std::max<long>(left.count(), 0)};
    ::clock_nanosleep(CLOCK_MONOTONIC, 0, &step, nullptr);
  }
}

// How long until it holds. When it does not in time, all ends: whoever waits next does not wait.
inline double Await(const char* what, const std::function<bool()>& holds, Duration look_every = 5ms) {
  const Time since = NowIs();
  while (!g_stop && !holds()) {
    if (NowIs() - since > kPatience) {
      std::fprintf(stderr, "gave up after %s of waiting until %s\n", Show(kPatience).c_str(), what);
      g_stop = true;
    }
    Measure(look_every);
  }
  return Seconds(NowIs() - since);
}

}  // namespace everstep
