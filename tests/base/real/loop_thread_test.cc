#include "base/real/loop_thread.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "base/real/clock.h"

namespace everstep {
namespace {

// A loop that notes what it is given and stops the runner when `last` came.
struct Recorder {
  LoopThread<int>& inputs;
  int last = 0;
  std::optional<Time> deadline{};
  std::vector<int> handled{};
  std::vector<Time> ticks{};
  std::size_t ticks_wanted = 1;

  void Handle(Time, int input) {
    handled.push_back(input);
    if (input == last) inputs.Stop();
  }
  void Tick(Time now) {
    ticks.push_back(now);
    deadline = now + 1ms;
    if (ticks.size() == ticks_wanted && last == 0) inputs.Stop();
  }
  std::optional<Time> Deadline() const { return deadline; }
};

TEST(LoopThread, InputsOfManyThreadsAreAllHandledEachThreadsInItsOrder) {
  RealClock clock;
  LoopThread<int> inputs(clock);
  Recorder loop{.inputs = inputs, .last = -1};
  constexpr int kThreads = 4, kEach = 500;
  {
    std::vector<std::jthread> posters;
    for (int t = 0; t < kThreads; ++t)
      posters.emplace_back([&inputs, t] {
        for (int i = 1; i <= kEach; ++i) inputs.Post(t * 10000 + i);
      });
    std::jthread end([&] {
      for (std::jthread& poster : posters) poster.join();
      inputs.Post(-1);
    });
    inputs.Run(loop);
  }
  ASSERT_EQ(loop.handled.size(), kThreads * kEach + 1u);
  std::vector<int> newest(kThreads, 0);
  loop.handled.pop_back();
  for (const int input : loop.handled) {
    int& before = newest[static_cast<std::size_t>(input / 10000)];
    EXPECT_EQ(input % 10000, before + 1);
    before = input % 10000;
  }
}

TEST(LoopThread, TicksComeAtTheDeadlineAndNeverBefore) {
  RealClock clock;
  LoopThread<int> inputs(clock);
  const Time due = clock.Now() + 5ms;
  Recorder loop{.inputs = inputs, .deadline = due, .ticks_wanted = 3};
  inputs.Run(loop);
  ASSERT_EQ(loop.ticks.size(), 3u);
  EXPECT_GE(loop.ticks[0], due);
  EXPECT_GE(loop.ticks[1], loop.ticks[0] + 1ms);
}

TEST(LoopThread, AFloodOfInputsDoesNotStarveTheTick) {
  RealClock clock;
  LoopThread<int> inputs(clock);
  for (int i = 1; i <= 1000; ++i) inputs.Post(i);
  inputs.Post(-1);
  Recorder loop{.inputs = inputs, .last = -1, .deadline = clock.Now()};
  inputs.Run(loop);
  EXPECT_EQ(loop.handled.size(), 1001u);
  EXPECT_FALSE(loop.ticks.empty());
}

// A loop that takes all that waits, and notes what it got together; "tick" ends it.
struct Gatherer {
  LoopThread<int>& inputs;
  Time deadline{};
  std::vector<std::deque<int>> handled{};

  void HandleAll(Time, std::deque<int> all) {
    handled.push_back(std::move(all));
    if (handled.size() == 2) inputs.Stop();
  }
  void Tick(Time now) {
    handled.push_back({});
    deadline = now + 1h;
    if (handled.size() == 2) inputs.Stop();
  }
  std::optional<Time> Deadline() const { return deadline; }
};

struct SetClock : Clock {
  Time Now() override { return now; }
  WallTime Wall() override { return {}; }
  Time now = AtNanoseconds(1'000'000'000);
};

TEST(LoopThread, WhatCameBeforeTheDeadlineIsHandledBeforeTheTickByALoopThatTakesAll) {
  SetClock clock;
  LoopThread<int> inputs(clock);
  Gatherer loop{.inputs = inputs, .deadline = clock.now + 1ms};
  inputs.Post(1);
  inputs.Post(2);
  clock.now += 1s;  // the loop was busy
  inputs.Run(loop);
  EXPECT_EQ(loop.handled, (std::vector<std::deque<int>>{{1, 2}, {}})) << "both at once, then the tick";
}

TEST(LoopThread, WhatCameAfterTheDeadlineWaitsForTheTick) {
  SetClock clock;
  LoopThread<int> inputs(clock);
  Gatherer loop{.inputs = inputs, .deadline = clock.now + 1ms};
  clock.now += 1s;
  inputs.Post(1);
  inputs.Run(loop);
  EXPECT_EQ(loop.handled, (std::vector<std::deque<int>>{{}, {1}}));
}

TEST(LoopThread, AStopFromOutsideWakesALoopThatWaitsForNothing) {
  RealClock clock;
  LoopThread<int> inputs(clock);
  Recorder loop{.inputs = inputs, .last = -1};
  std::jthread runner([&] { inputs.Run(loop); });
  inputs.Stop();
  inputs.Post(1);
  runner.join();
  EXPECT_TRUE(loop.handled.empty());
}

struct Quitter {
  int left = 3;
  void Handle(Time, int) { --left; }
  void Tick(Time) {}
  std::optional<Time> Deadline() const { return std::nullopt; }
  bool Ended() const { return left == 0; }
};

TEST(LoopThread, ALoopThatSaysItHasEndedEndsTheRun) {
  RealClock clock;
  LoopThread<int> inputs(clock);
  for (int i = 0; i < 5; ++i) inputs.Post(i);
  Quitter loop;
  inputs.Run(loop);
  EXPECT_EQ(loop.left, 0);
}

}  // namespace
}  // namespace everstep
