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
#include <vector>

#include "base/fields.h"
#include "base/time.h"
#include "health/core/check.h"

namespace everstep::health {

struct CounterSample {
  Time at{};
  double total = 0;  // grown since the first look
  friend bool operator==(const CounterSample&, const CounterSample&) = default;
};
EVERSTEP_FIELDS(CounterSample, at, total)

// One counter that has grown, for whoever goes on after this watch.
struct CounterMemory {
  std::string check{}, scope{};
  double last = 0;  // what it held
  std::vector<CounterSample> samples{};
};
EVERSTEP_FIELDS(CounterMemory, check, scope, last, samples)

class Counters {
 public:
  static constexpr std::size_t kSamplesMax = 128;
  static constexpr std::size_t kRemembered = 256, kSamplesRemembered = 16;

  // The same reading with what the counter has grown by within the check's window instead of what it holds; unread after the
  // first look, and where a rule "at least so much" has not had its whole window. Other checks' readings come back as they are.
  Reading Grown(const Check& check, Reading reading, Time now);

  // Those that have grown within what is kept of them, at most kRemembered: of the others a first look tells as much.
  std::vector<CounterMemory> Memory() const;
  // REQUIRES: the same boot, and nothing was read yet.
  void Restore(const CounterMemory& memory);

 private:
  struct Counter {
    double last = 0;
    std::deque<CounterSample> samples{};
  };
  std::map<std::pair<std::string, std::string>, Counter> counters_{};
};

}  // namespace everstep::health
