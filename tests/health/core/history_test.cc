// What a person is shown of each check of a host: its newest state, since when, and the last few before.
#include <gtest/gtest.h>

#include "health/core/history.h"
#include "health/core/watch.h"

namespace everstep::health {
namespace {

Time At(Duration since) { return Time() + since; }

Verdict Read(State state, const std::string& value, const std::string& check = "cpu.temperature") {
  return {.check = check,
          .scope = "package 0",
          .state = state,
          .value = value,
          .limit = "> 90 °C",
          .why = "because",
          .evidence = "hwmon0"};
}

TEST(History, ACheckThatSwingsSaysWhenItChangedAndWhatWasRead) {
  History history;
  history.Take(Read(State::ok, "70 °C"), Comes::read, At(0s));
  history.Take(Read(State::ok, "70 °C"), Comes::read, At(10s));
  history.Take(Read(State::fail, "95 °C"), Comes::read, At(20s));
  history.Take(Read(State::fail, "97 °C"), Comes::read, At(30s));
  const std::vector<HostCheck> checks = history.Checks(At(34s));
  ASSERT_EQ(checks.size(), 1u);
  const HostCheck& check = checks.front();
  EXPECT_EQ(check.state, State::fail);
  EXPECT_EQ(check.age, 4s);
  EXPECT_EQ(check.in_state, 14s);
  EXPECT_EQ(check.changes, 1u);
  EXPECT_EQ(check.states, (std::vector<CheckChange>{{State::ok, 34s}, {State::fail, 14s}}));
  EXPECT_EQ(check.values, (std::vector<CheckValue>{{"70 °C", 34s}, {"95 °C", 14s}, {"97 °C", 4s}}))
      << "an equal value is no news";
}

TEST(History, WhatIsBadComesFirstAndWhatIsGoodNeedsNoWords) {
  History history;
  history.Take(Read(State::ok, "1", "a"), Comes::read, At(0s));
  history.Take(Read(State::unknown, "", "b"), Comes::read, At(0s));
  history.Take(Read(State::warn, "2", "c"), Comes::read, At(0s));
  history.Take(Read(State::fail, "3", "d"), Comes::read, At(0s));
  const std::vector<HostCheck> checks = history.Checks(At(1s));
  std::string order;
  for (const HostCheck& check : checks) order += check.check;
  EXPECT_EQ(order, "dcba");
  EXPECT_EQ(checks.front().evidence, "hwmon0");
  EXPECT_EQ(checks.back().evidence + checks.back().why, "");
}

TEST(History, ItIsBoundedAndForgetsWhatWasReadLongestAgo) {
  History history({.checks = 2, .states = 3, .values = 2});
  for (int i = 0; i < 10; ++i)
    history.Take(Read(i % 2 == 0 ? State::ok : State::fail, std::to_string(i)), Comes::read, At(i * 1s));
  const HostCheck swings = history.Checks(At(9s)).front();
  EXPECT_EQ(swings.changes, 9u);
  EXPECT_EQ(swings.states, (std::vector<CheckChange>{{State::fail, 2s}, {State::ok, 1s}, {State::fail, 0s}}));
  EXPECT_EQ(swings.values, (std::vector<CheckValue>{{"8", 1s}, {"9", 0s}}));
  history.Take(Read(State::ok, "1", "second"), Comes::read, At(10s));
  history.Take(Read(State::ok, "1", "third"), Comes::read, At(11s));
  std::vector<std::string> left;
  for (const HostCheck& check : history.Checks(At(12s))) left.push_back(check.check);
  EXPECT_EQ(left, (std::vector<std::string>{"second", "third"}));
}

TEST(History, ALineOfTheKernelsLogIsOverWhenItDoesNotComeAgain) {
  History history;
  history.Take({.check = "gpu.xid"}, Comes::heard, At(0s));
  history.Take({.check = "gpu.xid", .scope = "GPU 3", .state = State::fail, .value = "reboot"}, Comes::heard, At(60s));
  history.Quieten(10min, At(659s));
  ASSERT_EQ(history.Checks(At(659s)).size(), 1u) << "no line of the host says nothing beside the line of a GPU";
  EXPECT_EQ(history.Checks(At(659s)).front().state, State::fail);
  EXPECT_EQ(history.Checks(At(659s)).front().age, std::nullopt) << "it is followed, not read";
  history.Quieten(10min, At(660s));
  EXPECT_EQ(history.Checks(At(660s)).front().state, State::ok);
  EXPECT_EQ(history.Checks(At(660s)).front().changes, 1u);
}

// ---- as the monitor fills it ------------------------------------------------------------------------------------------------

const Check kLocked{.id = "memlock",
                    .what = "memory that a process may lock",
                    .unit = Unit::bytes,
                    .fail = Rule{.comparison = Comparison::below, .number = 1024}};
const Check kOops{.id = "kernel.oops", .what = "oopses", .fail = Rule{.number = 0}, .lines = {"^Oops"}};

HostCheck Only(const Watch& watch, const std::string& id, Time now) {
  for (const HostCheck& check : watch.Checks(now))
    if (check.check == id) return check;
  ADD_FAILURE() << id << " is not told";
  return {};
}

TEST(History, WhatCannotBeReadStillSaysWhatWouldBeBad) {
  Watch watch({kLocked}, {}, {}, At(0s));
  watch.Take({.check = "memlock", .unread = "permission denied"}, At(1s));
  const HostCheck check = Only(watch, "memlock", At(1s));
  EXPECT_EQ(check.state, State::unknown);
  EXPECT_EQ(check.limit, "< 1 KiB");
  EXPECT_EQ(check.why, "memory that a process may lock could not be read: permission denied");
}

TEST(History, ChecksOfTheKernelsLinesAreGoodWhileItIsFollowedAndUnknownWhereItCannotBe) {
  Watch follows({kOops}, {}, {}, At(0s)), blind({kOops}, {}, {}, At(0s));
  follows.Follow(std::nullopt, At(0s));
  blind.Follow("/dev/kmsg: permission denied", At(0s));
  EXPECT_EQ(Only(follows, "kernel.oops", At(1s)).state, State::ok);
  EXPECT_EQ(Only(blind, "kernel.oops", At(1s)).state, State::unknown);
  EXPECT_EQ(Only(blind, "kernel.oops", At(1s)).why, "/dev/kmsg: permission denied");
}

TEST(History, WhatThisHostDoesNotHaveAnyMoreIsNotShown) {
  Watch watch({kLocked}, {}, {}, At(0s));
  watch.Take({.check = "memlock", .number = 2048.0}, At(1s));
  EXPECT_EQ(watch.Checks(At(1s)).size(), 1u);
  watch.Take({.check = "memlock", .moot = "no such limit"}, At(2s));
  EXPECT_TRUE(watch.Checks(At(2s)).empty());
}

TEST(History, TheGpusOfAHostAreThoseWhoseUuidsWereRead) {
  Watch watch({{.id = "gpu.uuid", .what = "identity", .unit = Unit::word, .needs = Facility::nvidia}}, {}, {}, At(0s));
  watch.Take({.check = "gpu.uuid", .scope = "GPU 0 at 0000:18:00", .word = "GPU-5c8f"}, At(1s));
  watch.Take({.check = "gpu.uuid", .scope = "GPU 1 at 0000:3b:00", .unread = "unknown error"}, At(1s));
  EXPECT_EQ(watch.Gpus(), (std::vector<HostGpu>{{"GPU 0 at 0000:18:00", "GPU-5c8f"}}));
  watch.Take({.check = "gpu.uuid", .scope = "GPU 0 at 0000:18:00", .unread = "GPU is lost"}, At(11s));
  EXPECT_EQ(watch.Gpus(), (std::vector<HostGpu>{{"GPU 0 at 0000:18:00", "GPU-5c8f"}})) << "it is silent, not gone";
}

TEST(History, WhatIsTooMuchIsLeftOutFromTheEndAndCounted) {
  HostChecks checks;
  for (int i = 0; i < 100; ++i)
    checks.checks.push_back({.check = "c", .state = i < 3 ? State::fail : State::ok, .why = std::string(300, 'x')});
  KeepWithin(checks, 4096);
  EXPECT_EQ(checks.checks.size() + checks.left_out, 100u);
  EXPECT_GT(checks.checks.size(), 5u);
  EXPECT_LT(checks.checks.size(), 12u);
  EXPECT_EQ(checks.checks[2].state, State::fail);
}

}  // namespace
}  // namespace everstep::health
