// How many hosts checks may take away: never more than max(1, x %) within an hour, and none at all for a check that all hosts
// fail at once, because then the check is broken, not the hosts. What an operator drained is not counted and never undone.
#pragma once

#include <cstdint>
#include <deque>
#include <set>
#include <string>

#include "base/ids.h"
#include "base/time.h"

namespace everstep::health {

struct BreakerOptions {
  std::uint32_t percent = 10;  // of the hosts, an hour
  Duration window = 1h;
  std::size_t everybody_min = 4;  // fewer hosts may all be bad
};

struct Permission {
  bool granted = false;
  std::string why{};  // one sentence
};

class Breaker {
 public:
  explicit Breaker(BreakerOptions options) : options_(options) {}

  // May this host be removed for this check? `failing`: the hosts that fail it now, of `hosts` that are checked. A removal that
  // is granted counts; the same host again within the window counts once.
  Permission Ask(const NodeId& host, const std::string& check, std::size_t failing, std::size_t hosts, Time now);

  // Whether this check is taken for broken. Ends with the next question about it, once a host passes it.
  bool Broken(const std::string& check) const { return broken_.contains(check); }

 private:
  struct Removal {
    NodeId host{};
    Time at{};
  };
  BreakerOptions options_;
  std::deque<Removal> removals_{};
  std::set<std::string> broken_{};
};

}  // namespace everstep::health
