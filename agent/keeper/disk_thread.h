// One thread that does slow work (disk) in the order it was given, so that a loop that must never wait can hand it over: a
// stalled disk delays a log line, never a fence or a lease.
//
// Threads: all calls from one thread, the owner's; the work runs on the disk's. Signals are blocked there.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "base/real/fd.h"

namespace everstep {

class DiskThread {
 public:
  DiskThread();
  ~DiskThread();  // does what is still queued, then ends
  DiskThread(const DiskThread&) = delete;
  DiskThread& operator=(const DiskThread&) = delete;

  // The number of this work: 1, 2, 3, …
  std::uint64_t Do(std::function<void()> work);
  // All work up to this number is done.
  std::uint64_t Done() const { return done_.load(std::memory_order_acquire); }

  // Readable once something was done since the last ClearWake.
  int wake_fd() const { return wake_.get(); }
  void ClearWake();

 private:
  void Run();

  Fd wake_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_;
  bool ending_ = false;
  std::uint64_t given_ = 0;
  std::atomic<std::uint64_t> done_{0};
  std::thread thread_;
};

}  // namespace everstep
