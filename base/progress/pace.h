// How long a step takes, from when steps were told of: over the last half minute, or over the last few steps where they are
// slower than that.
//
// Pure. Cost: O(1), a few dozen numbers.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "base/time.h"

namespace everstep {

class Pace {
 public:
  // A step that is below the one before starts a new count.
  void Add(Time at, std::uint64_t step);
  // nullopt: fewer than two steps at different times are known.
  std::optional<Duration> step_time() const;

 private:
  struct Mark {
    Time at{};
    std::uint64_t step = 0;
  };
  std::deque<Mark> marks_{};  // oldest first, steps grow; the newest may be close to the one before it
};

}  // namespace everstep
