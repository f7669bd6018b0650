#include "collectives/core/floor.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"
#include "collectives/core/figures.h"
#include "collectives/core/robust.h"

namespace everstep {

Baseline LearnBaseline(const BaselineKey& key, std::vector<double> samples) {
  Check(!samples.empty(), "a baseline comes from samples");
  return {
      .key = key, .samples = static_cast<std::uint32_t>(samples.size()), .median = MedianOf(samples), .mad = MadOf(samples)};
}

std::optional<Floor> FloorFor(const BaselineKey& key, const std::vector<Baseline>& learned,
                              const std::optional<double>& profile) {
  for (const Baseline& baseline : learned) {
    if (baseline.key != key || baseline.samples < kBaselineSamplesMin) continue;
    const double margin = std::max(5 * kSigmaPerMad * baseline.mad, 0.1 * baseline.median);
    const double floor = std::max(0.0, baseline.median - margin);
    return Floor{.bytes_per_second = floor,
                 .why = Cat("learned here from ", baseline.samples, " tests of ", key.bytes, " bytes on ",
                            Count(key.hosts, "host"), " over ", key.provider, ": median ", Figure(baseline.median / 1e9),
                            " GB/s, floor ", Figure(floor / 1e9), " GB/s")};
  }
  if (!profile) return std::nullopt;
  return Floor{.bytes_per_second = *profile,
               .why = Cat("the profile of this instance type: ", Figure(*profile / 1e9), " GB/s")};
}

}  // namespace everstep
