// Calls and streams that are open, by number: how a loop's answer finds the reactor that waits for it, if that still lives.
//
// Thread: any. While With() or ForEach() runs its function, the object cannot go: its last deed is Remove(), which waits. So
// the function must not block, nor call back into the registry.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

#include "base/time.h"

namespace everstep {

template <class T>
class Registry {
 public:
  explicit Registry(std::size_t entries_max) : entries_max_(entries_max) {}

  // Its number, never used before, from 1 on; nullopt: too many are open, or Close() was called.
  std::optional<std::uint64_t> Add(T* entry) {
    const std::lock_guard lock(mutex_);
    if (closed_ || open_.size() >= entries_max_) return std::nullopt;
    open_.emplace(++last_, entry);
    return last_;
  }
  void Remove(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    open_.erase(number);
    if (open_.empty()) empty_.notify_all();
  }
  template <class F>
  void With(std::uint64_t number, F&& f) {
    const std::lock_guard lock(mutex_);
    if (const auto found = open_.find(number); found != open_.end()) f(*found->second);
  }
  // No more are let in; f is called for all that are open.
  template <class F>
  void Close(F&& f) {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    for (auto& [number, entry] : open_) f(*entry);
  }
  // False: some were still open after `deadline`.
  bool WaitEmpty(Duration deadline) {
    std::unique_lock lock(mutex_);
    return empty_.wait_for(lock, deadline, [this] { return open_.empty(); });
  }

 private:
  const std::size_t entries_max_;
  std::mutex mutex_;
  std::condition_variable empty_;
  bool closed_ = false;
  std::uint64_t last_ = 0;
  std::map<std::uint64_t, T*> open_;
};

}  // namespace everstep
