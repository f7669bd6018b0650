// SIGINT, SIGTERM and SIGHUP as calls on a thread of their own, where anything may be done. Made first in main, before any
// other thread: all inherit its mask. SIGPIPE is ignored.
#pragma once

#include <signal.h>

#include <functional>
#include <mutex>
#include <thread>

namespace everstep {

class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  // `f(signal)` on every such signal from now on; one that came earlier is told at once. nullptr: remembered only.
  void OnStop(std::function<void(int)> f);

 private:
  void Run();

  sigset_t set_{};
  std::mutex mutex_;
  std::function<void(int)> f_;
  int pending_ = 0;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace everstep
