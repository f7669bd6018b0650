#include "collectives/core/waits.h"

#include <algorithm>

#include "base/text.h"
#include "collectives/core/figures.h"

namespace everstep {

std::vector<RankWaits> ReadWaits(const std::vector<std::vector<double>>& waits) {
  std::vector<RankWaits> all;
  for (std::uint32_t rank = 0; rank < waits.size(); ++rank) all.push_back({.rank = rank});
  for (std::uint32_t rank = 0; rank < waits.size(); ++rank)
    for (std::uint32_t peer = 0; peer < waits[rank].size() && peer < all.size(); ++peer) {
      all[rank].waited += waits[rank][peer];
      all[peer].waited_for += waits[rank][peer];
    }
  std::stable_sort(all.begin(), all.end(), [](const RankWaits& a, const RankWaits& b) { return a.blame() > b.blame(); });
  return all;
}

std::string WaitsText(const std::vector<RankWaits>& waits, double total, std::size_t most) {
  std::vector<std::string> parts;
  for (const RankWaits& one : waits) {
    if (parts.size() == most || one.waited_for < 0.01 * total) break;
    parts.push_back(
        Cat("rank ", one.rank, " was waited for ", Figure(one.waited_for), " s and waited ", Figure(one.waited), " s itself"));
  }
  return Join(parts);
}

}  // namespace everstep
