#include "collectives/core/formulas.h"

#include "base/check.h"

namespace everstep {

double BusFactor(Collective collective, std::uint32_t ranks) {
  Check(ranks > 0, "a collective has ranks");
  const double n = ranks;
  return (collective == Collective::all_reduce ? 2 : 1) * (n - 1) / n;
}

Bandwidth BandwidthOf(Collective collective, std::uint32_t ranks, std::uint64_t bytes, double seconds) {
  Check(seconds > 0, "time passes");
  const double rate = static_cast<double>(bytes) / seconds;
  return {.algorithm_bytes_per_second = rate, .bus_bytes_per_second = rate * BusFactor(collective, ranks)};
}

Shape ShapeOf(Collective collective, std::uint32_t ranks, std::uint64_t bytes, std::uint64_t element) {
  Check(ranks > 0 && element > 0, "a collective has ranks and a type");
  const std::uint64_t elements = bytes / element;
  if (collective == Collective::all_reduce) return {.bytes = elements * element, .count = elements, .element = element};
  const std::uint64_t whole = 16 / element;
  const std::uint64_t share = elements / ranks / whole * whole;
  // nccl-tests gives all-gather's and all-to-all's share as the count, and reduce-scatter's too.
  return {.bytes = share * ranks * element, .count = share, .element = element};
}

}  // namespace everstep
