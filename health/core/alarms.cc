#include "health/core/alarms.h"

#include "base/text.h"

namespace everstep::health {

std::vector<AlarmChange> Alarms::Take(const Check& check, const Verdict& verdict, Time now) {
  const Key key{verdict.check, verdict.scope};
  if (verdict.state == State::unknown) return {};
  const auto found = watched_.find(key);
  if (verdict.state == State::ok) {
    if (found != watched_.end() && !found->second.raised) watched_.erase(found);  // strikes are looks in a row
    return {};
  }
  Watched& watched = found != watched_.end() ? found->second : watched_[key];
  if (watched.alarm.looks == 0) watched.alarm.first = now;
  ++watched.alarm.looks;
  watched.alarm.last = now;
  // Than it was when it was raised: a value that swings about a limit is raised once.
  const bool worse =
      watched.raised && ((verdict.state == State::fail && !watched.raised_fail) || verdict.action > watched.raised_action);
  const bool again = watched.raised && OfKernelLog(check) && verdict.evidence != watched.raised_evidence &&
                     now - watched.alarm.raised >= options_.again_after;
  watched.alarm.verdict = verdict;
  if (watched.raised && !worse && !again) return {};
  if (now - started_ < options_.grace || watched.alarm.looks < check.strikes) return {};
  if (!watched.cleared_evidence.empty() && watched.cleared_evidence == verdict.evidence) return {};
  watched.raised_fail = verdict.state == State::fail;
  watched.raised_action = verdict.action;
  watched.raised = true;
  watched.raised_evidence = verdict.evidence;
  watched.alarm.raised = now;
  const std::string looks = check.strikes > 1 ? Cat(" (", Count(watched.alarm.looks, "look"), " in a row)") : std::string();
  return {{.raised = true, .alarm = watched.alarm, .why = Cat(Title(verdict), ": ", verdict.why, looks)}};
}

std::vector<AlarmChange> Alarms::Expire(Time now) {
  std::vector<AlarmChange> over;
  for (auto at = watched_.begin(); at != watched_.end();) {
    const Watched& watched = at->second;
    if (now - watched.alarm.last < options_.clear_after) {
      ++at;
      continue;
    }
    if (watched.raised)
      over.push_back({.alarm = watched.alarm,
                      .why = Cat(Title(watched.alarm.verdict), ": not seen again for ", Show(now - watched.alarm.last))});
    at = watched_.erase(at);
  }
  return over;
}

std::optional<AlarmChange> Alarms::Clear(const std::string& check, const std::string& scope, std::string_view author,
                                         std::string_view note) {
  const auto found = watched_.find({check, scope});
  if (found == watched_.end() || !found->second.raised) return std::nullopt;
  Watched& watched = found->second;
  const AlarmChange change{.alarm = watched.alarm,
                           .why = Cat(Title(watched.alarm.verdict), ": cleared by ", author, note.empty() ? "" : ": ", note)};
  watched.raised = false;
  watched.cleared_evidence = watched.alarm.verdict.evidence;
  watched.alarm.looks = 0;
  return change;
}

void Alarms::Restore(Alarm alarm, Time now) {
  alarm.last = now;
  watched_[{alarm.verdict.check, alarm.verdict.scope}] = {.alarm = alarm,
                                                          .raised = true,
                                                          .raised_evidence = alarm.verdict.evidence,
                                                          .raised_fail = alarm.verdict.state == State::fail,
                                                          .raised_action = alarm.verdict.action,
                                                          .cleared_evidence = {}};
}

void Alarms::RestorePending(Alarm alarm) {
  Watched& watched = watched_[{alarm.verdict.check, alarm.verdict.scope}];
  watched.alarm = std::move(alarm);
}

std::vector<Alarm> Alarms::Raised() const {
  std::vector<Alarm> raised;
  for (const auto& [key, watched] : watched_)
    if (watched.raised) raised.push_back(watched.alarm);
  return raised;
}

std::vector<Alarm> Alarms::Pending() const {
  std::vector<Alarm> pending;
  for (const auto& [key, watched] : watched_)
    if (!watched.raised && watched.alarm.looks > 0) pending.push_back(watched.alarm);
  return pending;
}

}  // namespace everstep::health
