// A thread that may hang in a system call for ever, and its owner, who must not: it can be asked to finish, told to stop,
// waited for with a deadline, and left behind.
//
// What thread and owner share (State) lives as long as either; the work itself must hold nothing of its owner's but by
// shared_ptr.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>

#include "base/time.h"

namespace everstep {

class Worker {
 public:
  class State {
   public:
    // Requested: leave as soon as possible.
    std::stop_token stop() const { return stop_.get_token(); }
    // Waits for `duration`, less when asked to finish or to stop; true if so.
    bool FinishWithin(Duration duration);
    // The same for stop alone.
    bool StopWithin(Duration duration);

   private:
    friend class Worker;
    std::stop_source stop_;
    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    bool finish_ = false;
    bool done_ = false;
  };
  using Work = std::function<void(State&)>;

  explicit Worker(Work work);
  // Joins the thread if it is done, else leaves it behind.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void Finish();
  void Stop();
  bool Done() const;
  // Waits until it is done, at most for `duration`; whether it is.
  bool DoneWithin(Duration duration);

 private:
  const std::shared_ptr<State> state_;
  std::thread thread_;
};

}  // namespace everstep
