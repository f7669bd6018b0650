// The clocks of this host. Any thread; never fails; well below a microsecond.
#pragma once

#include "base/seam/clock.h"

namespace everstep {

class RealClock : public Clock {
 public:
  Time Now() override;       // CLOCK_BOOTTIME
  WallTime Wall() override;  // CLOCK_REALTIME
};

}  // namespace everstep
