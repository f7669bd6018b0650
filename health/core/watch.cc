#include "health/core/watch.h"

#include <algorithm>
#include <utility>

#include "health/core/rule.h"

namespace everstep::health {

namespace {

// Also of what could not be read, somebody wants to know what would be bad.
std::string LimitOf(const Check& check, const Profile& profile) {
  const std::optional<Rule>& rule = check.fail ? check.fail : check.warn;
  return rule ? ShowRule(*rule, check.unit, &profile) : std::string();
}

}  // namespace

Watch::Watch(const std::vector<Check>& checks, Profile profile, AlarmOptions options, Time started)
    : profile_(std::move(profile)), clear_after_(options.clear_after), alarms_(options, started) {
  for (const Check& check : checks) checks_.emplace(check.id, Effective(check, profile_));
}

std::vector<AlarmChange> Watch::Take(const Reading& reading, Time now) {
  const auto found = checks_.find(reading.check);
  if (found == checks_.end()) return {};
  const auto verdict = Judge(found->second, counters_.Grown(found->second, reading, now), profile_);
  const bool of_log = OfKernelLog(found->second);
  const std::pair key(reading.check, reading.scope);
  if (!verdict || of_log)
    newest_.erase(key);
  else
    newest_[key] = verdict->state;
  if (!verdict) {
    history_.Forget(reading.check, reading.scope);
  } else {
    Verdict kept = *verdict;
    if (kept.limit.empty() && kept.state == State::unknown) kept.limit = LimitOf(found->second, profile_);
    history_.Take(kept, of_log ? Comes::heard : Comes::read, now);
  }
  return verdict ? alarms_.Take(found->second, *verdict, now) : std::vector<AlarmChange>();
}

std::vector<AlarmChange> Watch::Expire(Time now) {
  history_.Quieten(clear_after_, now);
  return alarms_.Expire(now);
}

WatchMemory Watch::Memory() const {
  return {.raised = alarms_.Raised(), .pending = alarms_.Pending(), .counters = counters_.Memory(), .gpus = Gpus()};
}

void Watch::Restore(const WatchMemory& memory, Time now) {
  for (const Alarm& alarm : memory.raised) {
    const auto found = checks_.find(alarm.verdict.check);
    if (found != checks_.end()) history_.Take(alarm.verdict, OfKernelLog(found->second) ? Comes::heard : Comes::read, now);
    alarms_.Restore(alarm, now);
  }
  for (const Alarm& alarm : memory.pending)
    if (checks_.contains(alarm.verdict.check)) alarms_.RestorePending(alarm);
  // What it has grown by since a look that is older than the window may have come at any time.
  for (const CounterMemory& counter : memory.counters) {
    const auto found = checks_.find(counter.check);
    if (found == checks_.end() || counter.samples.empty()) continue;
    if (now - counter.samples.back().at < found->second.window) counters_.Restore(counter);
  }
  gpus_before_ = memory.gpus;
}

void Watch::Follow(const std::optional<std::string>& unread, Time now) {
  for (const auto& [id, check] : checks_) {
    const bool off = std::find(profile_.off.begin(), profile_.off.end(), id) != profile_.off.end();
    if (!OfKernelLog(check) || off || history_.Knows(id, "") || !profile_.Promises(check.needs)) continue;
    Verdict verdict{.check = id, .limit = LimitOf(check, profile_)};
    if (unread) {
      verdict.state = State::unknown;
      verdict.why = *unread;
    }
    history_.Take(verdict, Comes::heard, now);
  }
}

std::vector<HostGpu> Watch::Gpus() const {
  std::vector<HostGpu> gpus;
  for (auto& [scope, uuid] : history_.ValuesOf("gpu.uuid")) gpus.push_back({scope, uuid});
  for (const HostGpu& before : gpus_before_) {
    const auto same = [&](const HostGpu& gpu) { return gpu.scope == before.scope || gpu.uuid == before.uuid; };
    if (std::none_of(gpus.begin(), gpus.end(), same)) gpus.push_back(before);
  }
  return gpus;
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
