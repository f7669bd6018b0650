// From verdicts to alarms that are worth acting on: noisy checks need several bad looks in a row, a host that has just started
// is left in peace, and an alarm ends by itself or by a person's word, never by being forgotten.
//
//   bad look × strikes ──► raised ──good for clear_after──► over
//                            └──a person clears it (author, note)──► over; raised again only by new evidence
//
// Pure: told of verdicts with the time, returns what changed. One for each host.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "health/core/verdict.h"

namespace everstep::health {

struct AlarmOptions {
  Duration grace = 60s;          // after the host's start: verdicts are taken, nothing is raised
  Duration clear_after = 10min;  // without a bad look
  Duration again_after = 60s;    // a new line of the kernel's log raises an alarm that stands once more, but not more often
};

struct Alarm {
  Verdict verdict{};  // the newest bad one
  Time first{};
  Time last{};
  Time raised{};            // the last time
  std::uint32_t looks = 0;  // bad ones since `first`
};
EVERSTEP_FIELDS(Alarm, verdict, first, last, raised, looks)

struct AlarmChange {
  bool raised = false;  // else over
  Alarm alarm{};
  std::string why{};  // one sentence
};

class Alarms {
 public:
  explicit Alarms(AlarmOptions options, Time started) : options_(options), started_(started) {}

  // WARN and FAIL are bad; UNKNOWN neither raises nor ends an alarm: who cannot see has not seen it get better.
  std::vector<AlarmChange> Take(const Check& check, const Verdict& verdict, Time now);
  // Those that have been good, or silent, for long enough.
  std::vector<AlarmChange> Expire(Time now);
  // nullopt: there is no such alarm.
  std::optional<AlarmChange> Clear(const std::string& check, const std::string& scope, std::string_view author,
                                   std::string_view note);

  std::vector<Alarm> Raised() const;
  // Bad looks that are too few yet.
  std::vector<Alarm> Pending() const;
  // One that was raised before this watch began: nobody has looked since, so it is as if it was seen now.
  void Restore(Alarm alarm, Time now);
  // One that was not raised yet: its looks count as if this watch had made them.
  void RestorePending(Alarm alarm);

 private:
  using Key = std::pair<std::string, std::string>;
  struct Watched {
    Alarm alarm{};
    bool raised = false;
    std::string raised_evidence{};
    bool raised_fail = false;
    Action raised_action = Action::note;
    std::string cleared_evidence{};  // that a person has looked at: the same does not raise it again
  };
  AlarmOptions options_;
  Time started_;
  std::map<Key, Watched> watched_{};
};

}  // namespace everstep::health
