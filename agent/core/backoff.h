// How long to wait before the next attempt to reach the launcher: full jitter (uniform below a bound that doubles), so that ten
// thousand agents do not come back in one instant. Owned here because a library's own back-off starts too slow and is capped
// too high for recovery in seconds.
#pragma once

#include <algorithm>

#include "base/rng.h"
#include "base/time.h"

namespace everstep {

class Backoff {
 public:
  static constexpr Duration kShortest = 50ms;
  static constexpr Duration kLongest = 2s;

  // The wait after one more failure: kShortest plus a random part; never above kLongest.
  Duration Next(Rng& rng) {
    const Duration wait = kShortest + rng.Jitter(bound_ - kShortest);
    bound_ = std::min(2 * bound_, kLongest);
    return wait;
  }
  void Reset() { bound_ = 2 * kShortest; }

 private:
  Duration bound_ = 2 * kShortest;
};

}  // namespace everstep
