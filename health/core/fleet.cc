#include "health/core/fleet.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/text.h"

namespace everstep::health {

namespace {

constexpr double kSigmaPerMad = 1.4826;  // of a normal distribution

double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

std::string Shown(const Reading& reading, Unit unit) {
  return reading.word ? *reading.word : ShowNumber(*reading.number, unit);
}

Comparisons ByMajority(const std::vector<HostReading>& read, Unit unit) {
  std::map<std::string, std::size_t> votes;
  for (const HostReading& one : read) ++votes[Shown(one.reading, unit)];
  if (votes.size() == 1) return {};
  const auto most =
      std::max_element(votes.begin(), votes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  if (most->second * 2 <= read.size()) {
    std::vector<std::string> parts;
    for (const auto& [value, count] : votes) parts.push_back(Cat(Count(count, "host"), " with ", value));
    return {.why = Cat("no value has a majority: ", Join(parts, ", ", " and "))};
  }
  Comparisons found;
  for (const HostReading& one : read)
    if (const std::string value = Shown(one.reading, unit); value != most->first)
      found.odd.push_back({one.host, Cat(value, ", ", most->second, " of ", read.size(), " hosts have ", most->first)});
  return found;
}

Comparisons ByMedian(const std::vector<HostReading>& read, Unit unit, double mads, double least) {
  std::vector<double> values, distances;
  for (const HostReading& one : read) values.push_back(*one.reading.number);
  const double median = Median(values);
  for (const double value : values) distances.push_back(std::abs(value - median));
  const double bound = std::max(mads * kSigmaPerMad * Median(distances), least * std::abs(median));
  Comparisons found;
  for (std::size_t i = 0; i < read.size(); ++i)
    if (distances[i] > bound)
      found.odd.push_back(
          {read[i].host,
           Cat(ShowNumber(values[i], unit), ", the median of ", read.size(), " hosts is ", ShowNumber(median, unit)),
           values[i] < median});
  return found;
}

}  // namespace

Comparisons Compare(const std::vector<HostReading>& readings, Unit unit, double mads, double least) {
  std::vector<HostReading> read;
  for (const HostReading& one : readings)
    if (one.reading.number || one.reading.word) read.push_back(one);
  if (read.size() < kCompareMin)
    return {.why = Cat("only ", Count(read.size(), "host"), " could be compared: ", kCompareMin, " are needed to name one")};
  return unit == Unit::word || unit == Unit::count ? ByMajority(read, unit) : ByMedian(read, unit, mads, least);
}

}  // namespace everstep::health
