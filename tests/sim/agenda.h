// Virtual time: what is going to happen, in order. Events of the same moment happen in the order in which they were planned, so
// a run is a function of its seed.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "base/time.h"

namespace everstep::sim {

class Agenda {
 public:
  Time now() const { return now_; }
  std::uint64_t events() const { return events_; }

  void At(Time when, std::function<void()> act) { queue_.push({when < now_ ? now_ : when, planned_++, std::move(act)}); }
  void After(Duration wait, std::function<void()> act) { At(now_ + wait, std::move(act)); }

  // The next event, if it is due by `until`; false: there is none, and it is `until` now.
  bool Step(Time until) {
    if (queue_.empty() || queue_.top().when > until) {
      now_ = until;
      return false;
    }
    Event event = std::move(const_cast<Event&>(queue_.top()));  // it is popped before anyone can compare it again
    queue_.pop();
    now_ = event.when;
    ++events_;
    event.act();
    return true;
  }

 private:
  struct Event {
    Time when{};
    std::uint64_t order = 0;
    std::function<void()> act{};
    friend bool operator<(const Event& a, const Event& b) {  // the queue's top is the greatest
      return a.when != b.when ? a.when > b.when : a.order > b.order;
    }
  };
  std::priority_queue<Event> queue_{};
  Time now_{};
  std::uint64_t planned_ = 0;
  std::uint64_t events_ = 0;
};

}  // namespace everstep::sim
