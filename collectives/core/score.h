// From what pair tests measured to what passed and failed. Relative first: the run's own median decides what is normal; the
// floor is second.
//
// Of each direction of a pair its newest test counts. On log(bandwidth): subtract the median of the class (within racks, across
// racks: where the spine is thinner by design, that is nobody's fault), then median polish by sender and by receiver (Tukey
// 1977). What is left is the spread that no host explains; an edge is slow if it is more than five robust sigmas of that below
// the median, and more than 10 % slower; or ten times slower. An edge without a result in time is silent, one with a wrong bit
// is wrong whatever its speed.
//
// Cost: O(transfers log transfers).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "collectives/core/floor.h"
#include "collectives/core/localise.h"

namespace everstep {

// One direction over one rail; all of the same size.
struct Transfer {
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  std::uint32_t rail = 0;
  std::optional<double> bytes_per_second{};  // nullopt: nothing before the deadline
  bool wrong_data = false;
  bool again = false;  // a second look, which lasted longer
};

struct ScoreOptions {
  double sigmas = 5;
  double slower_min = 0.10;
  // Of the median: slow however wide the spread. On a busy machine, with one bad host of six in a third of all transfers,
  // nothing would be an outlier.
  double always_slow = 0.1;
  // Of the median: slow in a second look. The spread is that of short tests, and a test that lasts is steadier: a host that
  // loses packets stands still now and then when it is tested shortly, and has half of the bandwidth when it is tested longer.
  double slow_again = 0.5;
  double sigma_min = 0.02;  // three equal clocks are no reason to call a hundredth an outlier
};

struct Scores {
  std::vector<Edge> edges{};        // one a transfer, in order
  double median = 0;                // bytes a second; of transfers within racks where both kinds are
  double sigma = 0;                 // of log(bandwidth)
  std::vector<double> as_sender{};  // by host: its bandwidth against the others', 1 = like them
  std::vector<double> as_receiver{};
  std::string why{};
};

Scores ScoreTransfers(const CheckedHosts& hosts, const std::vector<Transfer>& transfers, const std::optional<Floor>& floor = {},
                      const ScoreOptions& options = {});

}  // namespace everstep
