// The thread that owns all state of a daemon: it takes inputs from a queue in the order they came, hands each to the loop, and
// ticks the loop when its deadline has come. The queue's mutex is the only lock around a daemon's state.
//
//   LoopThread<AgentInput> inputs(clock);
//   Link link(..., [&](AgentInput input) { inputs.Post(std::move(input)); });     // the rims post from threads of their own
//   AgentLoop loop(..., link, ...);
//   loop.Begin(clock.Now());
//   inputs.Run(loop);                                                             // this thread is the loop thread now
//
// Loop: void Handle(Time now, Input), void Tick(Time now), std::optional<Time> Deadline() const. A loop that also has
// bool Ended() const ends Run by saying true.
//
// A loop with void HandleAll(Time now, std::deque<Input>) gets all that waits at once, so that it can decide once about many
// inputs; and what came before its deadline it gets before the tick. For a loop that is behind, a deadline that was only missed
// because what meets it still waits in the queue would say too much: that a host is silent whose beat lies there.
//
// Threads: Post and Stop from any; Run from one, once. The clock is read once a turn. Inputs never starve a tick: each turn
// looks at the deadline first, and what comes after it waits for the tick, but for what was taken together with something
// earlier. The queue has no bound of its own: the rims bound what they have in flight.
// Cost: O(1) an input. Waiting is on the monotonic clock: after the host has slept, a tick may come late by what was left of
// the wait, and no more.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

#include "base/seam/clock.h"
#include "base/time.h"

namespace everstep {

template <class Input>
class LoopThread {
 public:
  explicit LoopThread(Clock& clock) : clock_(clock) {}
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;

  // Dropped once stopped.
  void Post(Input input) {
    {
      const std::lock_guard lock(mutex_);
      if (stopped_) return;
      if (queue_.empty()) oldest_ = clock_.Now();
      queue_.push_back(std::move(input));
    }
    changed_.notify_one();
  }

  // Run returns after the turn it is in; inputs not handled by then are dropped.
  void Stop() {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_all();
  }

  template <class Loop>
  void Run(Loop& loop) {
    while (!Ended(loop)) {
      const Time now = clock_.Now();
      const std::optional<Time> deadline = loop.Deadline();
      if (deadline && *deadline <= now && !(TakesAll(loop) && CameBefore(*deadline))) loop.Tick(now);
      bool stopped = false;
      std::deque<Input> inputs = Next(Due(loop.Deadline(), now), TakesAll(loop), stopped);
      if (stopped) return;
      if (!inputs.empty()) Hand(loop, std::move(inputs));
    }
    Stop();
  }

 private:
  template <class Loop>
  static constexpr bool TakesAll(const Loop&) {
    return requires(Loop & loop, std::deque<Input> inputs) { loop.HandleAll(Time(), std::move(inputs)); };
  }
  template <class Loop>
  void Hand(Loop& loop, std::deque<Input> inputs) {
    if constexpr (requires { loop.HandleAll(Time(), std::move(inputs)); })
      loop.HandleAll(clock_.Now(), std::move(inputs));
    else
      loop.Handle(clock_.Now(), std::move(inputs.front()));
  }
  template <class Loop>
  static bool Ended(const Loop& loop) {
    if constexpr (requires { loop.Ended(); })
      return loop.Ended();
    else
      return false;
  }
  static std::optional<Duration> Due(std::optional<Time> deadline, Time now) {
    if (!deadline) return std::nullopt;
    return std::min<Duration>(*deadline - now, 1h);  // far deadlines would overflow the condition variable's clock
  }

  bool CameBefore(Time deadline) {
    const std::lock_guard lock(mutex_);
    return !queue_.empty() && oldest_ < deadline;
  }

  // The oldest input, or all of them; none once `wait` (nullopt: for ever) is over.
  std::deque<Input> Next(std::optional<Duration> wait, bool all, bool& stopped) {
    std::unique_lock lock(mutex_);
    const auto ready = [this] { return stopped_ || !queue_.empty(); };
    if (wait)
      changed_.wait_for(lock, *wait, ready);
    else
      changed_.wait(lock, ready);
    stopped = stopped_;
    std::deque<Input> inputs;
    if (stopped_ || queue_.empty()) return inputs;
    if (all) {
      inputs.swap(queue_);
    } else {
      inputs.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    return inputs;
  }

  Clock& clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Input> queue_;
  Time oldest_{};  // when the queue ceased to be empty last
  bool stopped_ = false;
};

}  // namespace everstep
