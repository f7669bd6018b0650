// The reading of the clocks. One of the five seams: loops ask it once per turn and pass the answer on as an argument.
#pragma once

#include "base/time.h"

namespace everstep {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time Now() = 0;       // CLOCK_BOOTTIME: monotonic, runs while the host sleeps
  virtual WallTime Wall() = 0;  // for display only
};

}  // namespace everstep
