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
  const bool of_log = !found->second.lines.empty() || found->second.action_is_value;
  const std::pair key(reading.check, reading.scope);
  if (!verdict || of_log)
    newest_.erase(key);
  else
    newest_[key] = verdict->state;
  return verdict ? alarms_.Take(found->second, *verdict, now) : std::vector<AlarmChange>();
}

Watch::Counts Watch::Newest() const {
  Counts counts{.judged = static_cast<std::uint32_t>(newest_.size())};
  for (const auto& [key, state] : newest_) {
    counts.failing += state == State::fail ? 1 : 0;
    counts.warning += state == State::warn ? 1 : 0;
    counts.unknown += state == State::unknown ? 1 : 0;
  }
  for (const Alarm& alarm : alarms_.Raised())
    if (!newest_.contains({alarm.verdict.check, alarm.verdict.scope})) {
      ++counts.judged;
      (alarm.verdict.state == State::fail ? counts.failing : counts.warning) += 1;
    }
  return counts;
}

}  // namespace everstep::health
