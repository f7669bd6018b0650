#include "agent/core/session.h"

#include <algorithm>

#include "base/text.h"

namespace everstep {

void Session::Opened(Time now) {
  if (phase_ != SessionPhase::opening) return;
  phase_ = SessionPhase::greeting;
  heard_ = now;
}

void Session::Welcomed(Time now, Duration beat_every, Duration fence_after) {
  if (phase_ != SessionPhase::greeting && phase_ != SessionPhase::up) return;
  if (phase_ == SessionPhase::greeting) next_beat_ = now;
  phase_ = SessionPhase::up;
  heard_ = now;
  beat_every_ = beat_every;
  fence_after_ = fence_after;
}

void Session::Heard(Time now) { heard_ = now; }

void Session::Closed(Time now) {
  phase_ = SessionPhase::down;
  retry_at_ = now + backoff_.Next(rng_);
}

void Session::CloseNow() {
  if (phase_ != SessionPhase::down) phase_ = SessionPhase::closing;
}

void Session::Hopeful(Time now) {
  if (phase_ != SessionPhase::down || !retry_at_) return;
  backoff_.Reset();
  retry_at_ = std::min(*retry_at_, now + backoff_.Next(rng_));
}

// Half the fence time leaves the other half for a new stream; four beats at least.
Duration Session::Patience() const {
  return phase_ == SessionPhase::up ? std::max(fence_after_ / 2, 4 * beat_every_) : kGreetingMax;
}

SessionStep Session::Tick(Time now) {
  if (phase_ == SessionPhase::up) {
    const Duration late = now - std::max(ticked_at_, heard_) - beat_every_;  // a beat is due that often
    if (late > Duration(0)) heard_ += late;
  }
  ticked_at_ = now;
  switch (phase_) {
    case SessionPhase::down:
      if (!retry_at_ || now < *retry_at_) return {};
      phase_ = SessionPhase::opening;
      heard_ = now;
      return {.act = SessionAct::open, .why = {}};
    case SessionPhase::opening:
    case SessionPhase::greeting:
    case SessionPhase::up:
      if (now - heard_ >= Patience()) {
        const std::string why = Cat("nothing heard of the launcher for ", Show(now - heard_));
        phase_ = SessionPhase::closing;
        return {.act = SessionAct::close, .why = why};
      }
      if (phase_ != SessionPhase::up || now < next_beat_) return {};
      next_beat_ += beat_every_;
      if (next_beat_ <= now) next_beat_ = now + beat_every_;  // a late loop does not make up for the beats it missed
      return {.act = SessionAct::beat, .why = {}};
    case SessionPhase::closing: return {};
  }
  return {};
}

std::optional<Time> Session::Deadline() const {
  switch (phase_) {
    case SessionPhase::down: return retry_at_;
    case SessionPhase::opening:
    case SessionPhase::greeting: return heard_ + Patience();
    case SessionPhase::up: return std::min(heard_ + Patience(), next_beat_);
    case SessionPhase::closing: return std::nullopt;
  }
  return std::nullopt;
}

std::optional<Duration> Session::RetryIn(Time now) const {
  if (phase_ != SessionPhase::down || !retry_at_) return std::nullopt;
  return *retry_at_ - now;
}

}  // namespace everstep
