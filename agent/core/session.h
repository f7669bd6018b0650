// When to open the stream to the launcher, when to beat on it and when to give it up: the state of the one link, without the
// link. The loop does what is returned.
//
//   down ──open──► opening ──LinkOpened──► greeting (Hello sent) ──Welcome──► up
//     ▲               │                        │                               │  nothing heard for too long: closing
//     └───────────────┴────── LinkClosed ──────┴───────────────────────────────┘
//
// A stream whose other end went away without a word (link cut, host frozen) is noticed by silence and closed: the next one
// finds its way as soon as there is one, while the old would sit out TCP's growing pauses.
//
// A loop that was stuck does not take its own lateness for the launcher's silence: what came meanwhile still waits in its
// queue.
//
// Pure: time is an argument. Cost: O(1).
#pragma once

#include <optional>
#include <string>

#include "agent/core/backoff.h"
#include "base/fields.h"
#include "base/rng.h"
#include "base/time.h"

namespace everstep {

EVERSTEP_ENUM(SessionPhase, down, opening, greeting, up, closing)

// open: LauncherLink::Open · beat: send a beat · close: LauncherLink::Close, `why` says why
EVERSTEP_ENUM(SessionAct, nothing, open, beat, close)
struct SessionStep {
  SessionAct act = SessionAct::nothing;
  std::string why{};
};

class Session {
 public:
  // Opening and greeting together may take this long.
  static constexpr Duration kGreetingMax = 5s;

  explicit Session(Rng rng) : rng_(rng) {}

  // The first attempt is due at once.
  void Begin(Time now) { retry_at_ = now; }
  void Opened(Time now);                                               // LinkOpened: send Hello now
  void Welcomed(Time now, Duration beat_every, Duration fence_after);  // the first beat is due at once
  void Heard(Time now);                                                // any message of the launcher
  void Acknowledged() { backoff_.Reset(); }                            // it works: the next failure is a first one
  void Closed(Time now);                                               // LinkClosed
  void CloseNow();                                                     // the loop closes it for a reason of its own
  // There are signs that the launcher can be reached now: no need to wait long.
  void Hopeful(Time now);

  // Called every turn: its own lateness is what the last call and the deadline say.
  SessionStep Tick(Time now);
  std::optional<Time> Deadline() const;
  SessionPhase phase() const { return phase_; }
  bool Up() const { return phase_ == SessionPhase::up; }
  std::optional<Duration> RetryIn(Time now) const;

 private:
  Duration Patience() const;

  Rng rng_;
  Backoff backoff_{};
  SessionPhase phase_ = SessionPhase::down;
  std::optional<Time> retry_at_{};
  Time heard_{};      // opening: when it began
  Time next_beat_{};  // up
  Time ticked_at_{};
  Duration beat_every_ = 500ms;
  Duration fence_after_ = 4s;
};

}  // namespace everstep
