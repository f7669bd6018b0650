// The least that a test must reach, in bytes a second. Learned from this cluster first, a profile's figure second, never a
// number copied from elsewhere: published figures differ by factors for the same machine (size, number of hosts and algorithm
// decide), so a baseline holds only for its own key.
//
// Few samples are no baseline. Without any floor only the comparison within the run (score.h) judges.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fields.h"

namespace everstep {

struct BaselineKey {
  std::string provider{};   // "tcp;ofi_rxm"
  std::string test{};       // "pair" or a collective and its algorithm
  std::uint64_t bytes = 0;  // size of the test
  std::uint32_t hosts = 0;
  friend bool operator==(const BaselineKey&, const BaselineKey&) = default;
};
EVERSTEP_FIELDS(BaselineKey, provider, test, bytes, hosts)

struct Baseline {
  BaselineKey key{};
  std::uint32_t samples = 0;
  double median = 0;  // bytes a second
  double spread = 0;  // median absolute deviation of log(bandwidth): 0.1 is a tenth more or less
};
EVERSTEP_FIELDS(Baseline, key, samples, median, spread)

struct Floor {
  double bytes_per_second = 0;
  std::string why{};
};

constexpr std::uint32_t kBaselineSamplesMin = 20;

// What one run without a finding has measured, of one key.
struct MeasuredRun {
  std::uint32_t samples = 0;
  double median = 0;  // bytes a second
  double mad = 0;
};

// The spread is that within runs or that between them, whichever is larger: one noisy hour is no reason to call the next day
// slow. REQUIRES: runs, medians above 0.
Baseline LearnBaseline(const BaselineKey& key, const std::vector<MeasuredRun>& runs);

// As text without a comma: "PROVIDER TEST BYTES HOSTS SAMPLES MEDIAN MAD"; nullopt: it is none.
std::string TextOf(const BaselineKey& key, const MeasuredRun& run);
std::optional<std::pair<BaselineKey, MeasuredRun>> MeasuredIn(std::string_view text);

// The learned floor is five robust sigmas of log(bandwidth) below the median, and at least a tenth. `profile`: bytes a second
// that the instance type is said to reach.
std::optional<Floor> FloorFor(const BaselineKey& key, const std::vector<Baseline>& learned,
                              const std::optional<double>& profile);

}  // namespace everstep
