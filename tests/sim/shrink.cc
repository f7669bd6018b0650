#include "tests/sim/shrink.h"

#include <algorithm>

namespace everstep::sim {

std::vector<Fault> Shrink(RunOptions options, int runs_max) {
  std::vector<Fault> needed = Cluster(options).Run().faults;
  // Large pieces first, then single ones.
  for (std::size_t piece = std::max<std::size_t>(1, needed.size() / 2);; piece = std::max<std::size_t>(1, piece / 2)) {
    bool removed = false;
    for (std::size_t at = 0; at < needed.size() && runs_max > 0;) {
      std::vector<Fault> fewer = needed;
      const std::size_t end = std::min(at + piece, fewer.size());
      fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(at), fewer.begin() + static_cast<std::ptrdiff_t>(end));
      options.faults = fewer;
      --runs_max;
      if (Cluster(options).Run().violations.empty()) {
        at += piece;
      } else {
        needed = std::move(fewer);
        removed = true;
      }
    }
    if ((piece == 1 && !removed) || runs_max <= 0) return needed;
  }
}

}  // namespace everstep::sim
