// Time as a value. BootClock has no now(): logic cannot read the time, it is told. The real reading lives in base/real/clock.h.
//
// `Time` counts nanoseconds since an origin that only one party knows: a host's boot (CLOCK_BOOTTIME, which also runs while the
// host sleeps), or the launcher's log time. Times of two origins must not be compared; a Duration may travel.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace everstep {

using Duration = std::chrono::nanoseconds;

struct BootClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;
};
using Time = BootClock::time_point;

using namespace std::chrono_literals;

constexpr Time AtNanoseconds(std::int64_t ns) { return Time(Duration(ns)); }
constexpr std::int64_t Nanoseconds(Time t) { return t.time_since_epoch().count(); }
constexpr double Seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

// Wall clock, nanoseconds since 1970-01-01 UTC. Only for display: nothing may be decided by it.
struct WallTime {
  std::int64_t ns = 0;
  friend auto operator<=>(const WallTime&, const WallTime&) = default;
  friend bool operator==(const WallTime&, const WallTime&) = default;
};

// For people: "350 ms", "4.2 s", "12 s", "3 min 5 s", "2 h 10 min", "3 d 4 h".
std::string Show(Duration d);

}  // namespace everstep
