// Comparison across hosts: words and counts by majority, values by median and MAD. Names the odd ones out, or says why nobody
// can be blamed: without a majority, a comparison of hosts knows that they differ and not who is wrong.
//
// Cost: O(hosts × log hosts) a check.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/ids.h"
#include "health/core/verdict.h"

namespace everstep::health {

struct HostReading {
  NodeId host{};
  Reading reading{};
};

struct OddHost {
  NodeId host{};
  std::string why{};   // "driver 550.54.15, 3 of 4 hosts have 550.90.07"
  bool below = false;  // of values: less than the median
};

struct Comparisons {
  std::vector<OddHost> odd{};
  std::string why{};  // where nobody is named although they differ, or too few were read; empty: all agree, or see `odd`
};

inline constexpr std::size_t kCompareMin = 3;  // of two that differ nobody can be blamed

// Of one check and scope, from several hosts. Words, and counts where `unit` is count: who differs from more than half of them.
// Else: who is further from the median than `mads` times the scaled MAD, and than `least` of the median (a fleet without any
// noise has an MAD of nearly nothing).
Comparisons Compare(const std::vector<HostReading>& readings, Unit unit, double mads = 5, double least = 0.05);

}  // namespace everstep::health
