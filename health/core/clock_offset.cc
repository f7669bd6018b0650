#include "health/core/clock_offset.h"

#include "base/text.h"

namespace everstep::health {

namespace {

constexpr Duration kEvery = 10s;

Reading ReadingOf(const ClockHeard& heard) {
  const Duration within = heard.round_trip / 2;
  const Duration apart = Duration(heard.own.ns - heard.launcher.ns) - within;  // positive: this clock is ahead
  const Duration size = apart < Duration(0) ? -apart : apart;
  return {.check = "clock.offset",
          .number = Seconds(size > within ? size - within : Duration(0)),
          .evidence = Cat("this clock is ", Show(size), apart < Duration(0) ? " behind" : " ahead of",
                          " the launcher's, within ", Show(within))};
}

}  // namespace

std::optional<Reading> ClockOffset::Take(const ClockHeard& heard, Time now) {
  if (!best_ || heard.round_trip < best_->round_trip) best_ = heard;
  if (told_ && now - *told_ < kEvery) return std::nullopt;
  told_ = now;
  const Reading reading = ReadingOf(*best_);
  best_.reset();
  return reading;
}

}  // namespace everstep::health
