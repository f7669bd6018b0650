#include "health/core/counters.h"

#include "base/text.h"

namespace everstep::health {

namespace {

bool AsksForGrowth(const std::optional<Rule>& rule) { return rule && rule->comparison == Comparison::below; }

}  // namespace

Reading Counters::Grown(const Check& check, Reading reading, Time now) {
  if (check.window <= Duration() || !check.lines.empty() || !reading.number) return reading;
  const double value = *reading.number;
  Counter& counter = counters_[{reading.check, reading.scope}];
  reading.number.reset();
  if (counter.samples.empty()) {
    counter = {.last = value, .samples = {{.at = now}}};
    reading.unread = "it is a counter, and this was the first look";
    return reading;
  }
  const double step = value >= counter.last ? value - counter.last : value;
  counter.last = value;
  counter.samples.push_back({.at = now, .total = counter.samples.back().total + step});
  // The newest sample that is as old as the window stays: growth is measured from there.
  while (counter.samples.size() > 2 && (now - counter.samples[1].at >= check.window || counter.samples.size() > kSamplesMax))
    counter.samples.pop_front();
  const Duration seen = now - counter.samples.front().at;
  if ((AsksForGrowth(check.fail) || AsksForGrowth(check.warn)) && seen < check.window) {
    reading.unread = Cat("it must grow within ", Show(check.window), ", and was looked at for ", Show(seen), " only");
    return reading;
  }
  reading.number = counter.samples.back().total - counter.samples.front().total;
  reading.evidence += Cat(", +", ShowNumber(*reading.number, check.unit), " in ", Show(seen));
  return reading;
}

}  // namespace everstep::health
