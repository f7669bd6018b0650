// How far this host's wall clock is from the launcher's, as far as that is certain: an acknowledgement was made somewhere
// between the beat that it answers and its receipt, so that of what they differ by half of that time may be its way. Pure.
#pragma once

#include <optional>

#include "base/time.h"
#include "health/core/check.h"

namespace everstep::health {

// An acknowledged beat.
struct ClockHeard {
  Duration round_trip{};  // from the beat to the receipt, the receiver's own lateness included
  WallTime launcher{};    // somewhere between the two
  WallTime own{};         // at the receipt
};

// Of all that was heard within so long the one with the shortest way counts: it is the surest.
class ClockOffset {
 public:
  // A reading of clock.offset, every 10 s; else nullopt.
  std::optional<Reading> Take(const ClockHeard& heard, Time now);

 private:
  std::optional<ClockHeard> best_{};
  std::optional<Time> told_{};
};

}  // namespace everstep::health
