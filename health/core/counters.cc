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

// Of looks in a row that saw the same only the first and the last say something; where there are too many changes, the oldest
// of them are told as one.
std::vector<CounterMemory> Counters::Memory() const {
  std::vector<CounterMemory> all;
  for (const auto& [key, counter] : counters_) {
    const std::deque<CounterSample>& samples = counter.samples;
    if (samples.empty() || samples.back().total <= samples.front().total || all.size() == kRemembered) continue;
    CounterMemory& memory = all.emplace_back(CounterMemory{.check = key.first, .scope = key.second, .last = counter.last});
    for (std::size_t i = 0; i < samples.size(); ++i) {
      const bool as_before = i > 0 && samples[i].total <= samples[i - 1].total;
      const bool as_after = i + 1 < samples.size() && samples[i + 1].total <= samples[i].total;
      if (!as_before || !as_after) memory.samples.push_back(samples[i]);
    }
    if (memory.samples.size() > kSamplesRemembered)
      memory.samples.erase(memory.samples.begin() + 1,
                           memory.samples.end() - static_cast<std::ptrdiff_t>(kSamplesRemembered - 1));
  }
  return all;
}

void Counters::Restore(const CounterMemory& memory) {
  if (memory.samples.empty()) return;
  counters_[{memory.check, memory.scope}] = {.last = memory.last, .samples = {memory.samples.begin(), memory.samples.end()}};
}

}  // namespace everstep::health
