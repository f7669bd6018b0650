// When the processes of a gang are asked to end (SIGTERM) and when they are killed (SIGKILL), as plain data and time.
//
//   stop asked          SIGTERM now, SIGKILL after the grace; a second stop may only shorten it
//   fence, failed start SIGKILL now
//   ranks have ended    what they left behind (data loader workers, daemons) has kLeftoverGrace, then SIGKILL; under a stop it
//                       has what is left of the stop's grace: a rank may be a shell whose child still saves
//
// Pure: no clock, no process. Each signal is due once.
#pragma once

#include <algorithm>
#include <optional>

#include "base/time.h"

namespace everstep {

inline constexpr Duration kLeftoverGrace = 2s;

class Escalation {
 public:
  enum class Signal { none, terminate, kill };

  void AskStop(Time now, Duration grace) {
    if (!stop_) terminate_due_ = true;
    stop_ = true;
    Shorten(now + std::clamp<Duration>(grace, Duration(0), 30 * 24h));
  }
  void AskKill(Time now) { Shorten(now); }
  // No rank lives any more, but other processes do. Says nothing new when called again.
  void AskLeftovers(Time now) {
    if (!kill_at_) Shorten(now + kLeftoverGrace);
  }

  bool Begun() const { return kill_at_.has_value(); }
  bool Stopped() const { return stop_; }
  bool Killed() const { return killed_.has_value(); }
  std::optional<Time> killed_at() const { return killed_; }

  // What is to be sent now; the caller does it.
  Signal Due(Time now) {
    if (kill_at_ && now >= *kill_at_ && !killed_) {
      killed_ = now;
      terminate_due_ = false;
      return Signal::kill;
    }
    if (terminate_due_) {
      terminate_due_ = false;
      return Signal::terminate;
    }
    return Signal::none;
  }
  std::optional<Time> Next() const { return killed_ ? std::nullopt : kill_at_; }

 private:
  void Shorten(Time at) { kill_at_ = kill_at_ ? std::min(*kill_at_, at) : at; }

  bool stop_ = false;
  bool terminate_due_ = false;
  std::optional<Time> kill_at_{};
  std::optional<Time> killed_{};
};

}  // namespace everstep
