// Counters that only grow, since the boot or the driver's last reset: what they hold is history, only growth is news. A counter
// that has become smaller was reset: then all that it holds has come since.
//
// Cost: O(samples kept), at most kSamplesMax a counter.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/time.h"
#include "health/core/check.h"

namespace everstep::health {

class Counters {
 public:
  static constexpr std::size_t kSamplesMax = 128;

  // The same reading with what the counter has grown by within the check's window instead of what it holds; unread after the
  // first look, and where a rule "at least so much" has not had its whole window. Other checks' readings come back as they are.
  Reading Grown(const Check& check, Reading reading, Time now);

 private:
  struct Sample {
    Time at{};
    double total = 0;  // grown since the first look
  };
  struct Counter {
    double last = 0;
    std::deque<Sample> samples{};
  };
  std::map<std::pair<std::string, std::string>, Counter> counters_{};
};

}  // namespace everstep::health
