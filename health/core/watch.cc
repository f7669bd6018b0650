#include "health/core/watch.h"

#include <utility>

namespace everstep::health {

Watch::Watch(const std::vector<Check>& checks, Profile profile, AlarmOptions options, Time started)
    : profile_(std::move(profile)), alarms_(options, started) {
  for (const Check& check : checks) checks_.emplace(check.id, Effective(check, profile_));
}

std::vector<AlarmChange> Watch::Take(const Reading& reading, Time now) {
  const auto found = checks_.find(reading.check);
  if (found == checks_.end()) return {};
  const auto verdict = Judge(found->second, counters_.Grown(found->second, reading, now), profile_);
  return verdict ? alarms_.Take(found->second, *verdict, now) : std::vector<AlarmChange>();
}

}  // namespace everstep::health
