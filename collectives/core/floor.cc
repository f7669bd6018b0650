#include "collectives/core/floor.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/text.h"
#include "collectives/core/figures.h"
#include "collectives/core/robust.h"

namespace everstep {

Baseline LearnBaseline(const BaselineKey& key, const std::vector<MeasuredRun>& runs) {
  Check(!runs.empty(), "a baseline comes from runs");
  std::vector<double> medians, logs, spreads;
  Baseline learned{.key = key};
  for (const MeasuredRun& run : runs) {
    medians.push_back(run.median);
    logs.push_back(std::log(run.median));
    spreads.push_back(run.mad / run.median);
    learned.samples += run.samples;
  }
  learned.median = MedianOf(medians);
  learned.spread = std::max(MedianOf(spreads), MadOf(logs));
  return learned;
}

std::string TextOf(const BaselineKey& key, const MeasuredRun& run) {
  const auto number = [](double value) { return std::to_string(static_cast<std::uint64_t>(std::max(value, 0.0))); };
  return Cat(key.provider, ' ', key.test, ' ', key.bytes, ' ', key.hosts, ' ', run.samples, ' ', number(run.median), ' ',
             number(run.mad));
}

std::optional<std::pair<BaselineKey, MeasuredRun>> MeasuredIn(std::string_view text) {
  const std::vector<std::string> words = Split(text, ' ');
  if (words.size() != 7 || words[0].empty() || words[0].size() > 64 || words[1].empty() || words[1].size() > 64)
    return std::nullopt;
  std::vector<std::uint64_t> numbers;
  for (std::size_t i = 2; i < words.size(); ++i) {
    const auto number = ParseUnsigned(words[i]);
    if (!number) return std::nullopt;
    numbers.push_back(*number);
  }
  constexpr std::uint64_t kMost = 1u << 20;  // hosts, samples
  if (numbers[1] > kMost || numbers[2] == 0 || numbers[2] > kMost || numbers[3] == 0) return std::nullopt;
  return std::pair(
      BaselineKey{words[0], words[1], numbers[0], static_cast<std::uint32_t>(numbers[1])},
      MeasuredRun{static_cast<std::uint32_t>(numbers[2]), static_cast<double>(numbers[3]), static_cast<double>(numbers[4])});
}

std::optional<Floor> FloorFor(const BaselineKey& key, const std::vector<Baseline>& learned,
                              const std::optional<double>& profile) {
  for (const Baseline& baseline : learned) {
    if (baseline.key != key || baseline.samples < kBaselineSamplesMin) continue;
    const double floor = baseline.median * std::min(0.9, std::exp(-5 * kSigmaPerMad * baseline.spread));
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
