// Statistics that some bad values do not move.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

namespace everstep {

// The standard deviation of a normal distribution, over its MAD.
constexpr double kSigmaPerMad = 1.4826;

// 0 of nothing; the mean of the two middle ones of an even number.
inline double MedianOf(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

inline double MadOf(std::vector<double> values) {
  const double median = MedianOf(values);
  for (double& value : values) value = std::abs(value - median);
  return MedianOf(std::move(values));
}

}  // namespace everstep
