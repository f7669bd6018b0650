// Who waits for whom in collectives: every rank's seconds of waiting for data from each other one, read as a whole. A slow rank
// is waited for and does not wait itself (C4, arXiv 2406.04594); a rank that waits as long as it is waited for only passes the
// delay on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace everstep {

struct RankWaits {
  std::uint32_t rank = 0;
  double waited = 0;      // seconds, for all others
  double waited_for = 0;  // by all others
  double blame() const { return waited_for - waited; }
};

// `waits[r][p]`: what rank r waited for rank p. The most to blame first.
std::vector<RankWaits> ReadWaits(const std::vector<std::vector<double>>& waits);

// "rank 2 was waited for 1.2 s and waited 0.1 s itself, …": the first `most`. `total`: seconds that the collectives took.
// Empty: nobody waited for a hundredth of it.
std::string WaitsText(const std::vector<RankWaits>& waits, double total, std::size_t most);

}  // namespace everstep
