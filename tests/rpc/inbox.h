// Where a rim under test posts its inputs, instead of a loop. Tests wait for what must come, with a deadline.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <variant>

#include "base/time.h"

namespace everstep {

inline constexpr Duration kPatience = 20s;

template <class Input>
class Inbox {
 public:
  void Post(Input input) {
    const std::lock_guard lock(mutex_);
    inputs_.push_back(std::move(input));
    changed_.notify_all();
  }
  auto Poster() {
    return [this](Input input) { Post(std::move(input)); };
  }

  // The first T not yet taken, whatever came before it. A failure and an empty T after kPatience.
  template <class T>
  T Take() {
    std::unique_lock lock(mutex_);
    std::optional<T> taken;
    const bool came = changed_.wait_for(lock, kPatience, [&] {
      for (auto input = inputs_.begin(); input != inputs_.end(); ++input)
        if (T* found = std::get_if<T>(&*input)) {
          taken = std::move(*found);
          inputs_.erase(input);
          return true;
        }
      return false;
    });
    EXPECT_TRUE(came) << "an input that must come did not";
    return came ? *std::move(taken) : T{};
  }
  template <class T>
  std::size_t Count() {
    const std::lock_guard lock(mutex_);
    std::size_t count = 0;
    for (const Input& input : inputs_) count += std::holds_alternative<T>(input) ? 1 : 0;
    return count;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Input> inputs_;
};

}  // namespace everstep
