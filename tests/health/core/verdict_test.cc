// What a value means: rules, profiles, and what cannot be read.
#include "health/core/verdict.h"

#include <gtest/gtest.h>

#include "health/core/rule.h"

namespace everstep::health {
namespace {

Rule Above(double number) { return {.comparison = Comparison::above, .number = number}; }
Rule Not(std::vector<std::string> words) { return {.comparison = Comparison::is_not, .words = std::move(words)}; }

Check Temperature() {
  return {.id = "gpu.temperature",
          .what = "temperature",
          .unit = Unit::celsius,
          .warn = Above(85),
          .fail = Above(95),
          .needs = Facility::nvidia,
          .action = Action::drain,
          .remedy = "look at fans"};
}

Verdict Of(const Check& check, const Reading& reading, const Profile& profile = {.name = "p"}) {
  const auto verdict = Judge(check, reading, profile);
  EXPECT_TRUE(verdict) << "the check did not apply";
  return verdict.value_or(Verdict{});
}

TEST(Verdict, AValueIsGoodUpToItsLimitThenSuspectThenBad) {
  EXPECT_EQ(Of(Temperature(), {.number = 85}).state, State::ok);
  EXPECT_EQ(Of(Temperature(), {.number = 86}).state, State::warn);
  EXPECT_EQ(Of(Temperature(), {.number = 95}).state, State::warn);
  const Verdict hot = Of(Temperature(), {.scope = "GPU 3", .number = 97, .evidence = "nvmlDeviceGetTemperature: 97"});
  EXPECT_EQ(hot.state, State::fail);
  EXPECT_EQ(hot.why, "temperature: 97 °C, and > 95 °C is bad");
  EXPECT_EQ(hot.remedy, "look at fans");
  EXPECT_EQ(hot.action, Action::drain);
  EXPECT_EQ(Title(hot), "GPU 3: gpu.temperature");
}

TEST(Verdict, WhatSuspicionAloneFindsAsksForNothing) { EXPECT_EQ(Of(Temperature(), {.number = 90}).action, Action::note); }

TEST(Verdict, WhatCannotBeReadIsUnknownWithTheReasonNeverGood) {
  const Verdict denied = Of(Temperature(), {.unread = "permission denied"});
  EXPECT_EQ(denied.state, State::unknown);
  EXPECT_EQ(denied.why, "temperature could not be read: permission denied");
  EXPECT_EQ(Of(Temperature(), {}).why, "temperature could not be read: nothing has read it");
}

TEST(Verdict, WhatAHostDoesNotHaveIsNoFindingUnlessItsProfilePromisesIt) {
  const Reading none{.absent = "there is no NVIDIA GPU on the bus"};
  EXPECT_FALSE(Judge(Temperature(), none, {.name = "cpu"}));
  const Verdict missing = Of(Temperature(), none, {.name = "p5", .has = {Facility::nvidia}});
  EXPECT_EQ(missing.state, State::unknown);
  EXPECT_EQ(missing.why,
            "temperature could not be read: the profile p5 promises nvidia, but there is no NVIDIA GPU on the bus");
  Check everywhere = Temperature();
  everywhere.needs = Facility::always;
  EXPECT_EQ(Of(everywhere, none).state, State::unknown);
}

TEST(Verdict, NoneWhereTheProfileWantsSomeIsBadNotUnknown) {
  const Check check{.id = "gpu.count",
                    .what = "GPUs on the PCI bus",
                    .fail = Rule{.comparison = Comparison::is_not, .profile_key = "accelerators"},
                    .needs = Facility::nvidia};
  const Reading none{.number = 0, .absent = "there is no NVIDIA GPU on the bus"};
  const Verdict all_gone = Of(check, none, {.name = "p5", .accelerators = 8, .has = {Facility::nvidia}});
  EXPECT_EQ(all_gone.state, State::fail);
  EXPECT_EQ(all_gone.why, "GPUs on the PCI bus: 0, and != 8 (profile p5) is bad");
  EXPECT_FALSE(Judge(check, none, {.name = "cpu"}));
}

TEST(Verdict, AProfileSaysHowManyThereShouldBeAndWhereItIsSilentNothingIsHeldAgainstIt) {
  const Check check{.id = "cpu.online",
                    .what = "CPUs that are online",
                    .fail = Rule{.comparison = Comparison::is_not, .profile_key = "cpus"}};
  const Verdict half = Of(check, {.number = 96}, {.name = "p5", .cpus = 192});
  EXPECT_EQ(half.state, State::fail);
  EXPECT_EQ(half.why, "CPUs that are online: 96, and != 192 (profile p5) is bad");
  EXPECT_EQ(Of(check, {.number = 192}, {.name = "p5", .cpus = 192}).state, State::ok);
  EXPECT_EQ(Of(check, {.number = 96}, {.name = "cpu"}).why,
            "CPUs that are online: 96, held against nothing: the profile cpu does not say");
}

TEST(Verdict, AShareOfTheProfilesMemoryMayBeMissingAndNoMore) {
  const Check check{.id = "memory.size",
                    .what = "memory",
                    .unit = Unit::bytes,
                    .fail = Rule{.comparison = Comparison::below, .profile_key = "memory", .share = 0.93}};
  const Profile profile{.name = "p", .memory = 100.0 * (1 << 30)};
  EXPECT_EQ(Of(check, {.number = 94.0 * (1 << 30)}, profile).state, State::ok);
  EXPECT_EQ(Of(check, {.number = 92.0 * (1 << 30)}, profile).why, "memory: 92 GiB, and < 93% of 100 GiB (profile p) is bad");
}

TEST(Verdict, WordsAreHeldAgainstSeveral) {
  const Check check{.id = "clock.source", .what = "clock source", .unit = Unit::word, .warn = Not({"tsc", "kvm-clock"})};
  EXPECT_EQ(Of(check, {.word = "kvm-clock"}).state, State::ok);
  EXPECT_EQ(Of(check, {.word = "hpet"}).why, "clock source: hpet, and != tsc | kvm-clock is suspect");
}

TEST(Verdict, AModelIsTheProfilesWhenItsNameHasThatWord) {
  const Check check{.id = "gpu.model",
                    .what = "model",
                    .unit = Unit::word,
                    .fail = Rule{.comparison = Comparison::is_not, .profile_key = "accelerator"}};
  const Profile h100{.name = "p5", .accelerator = "H100"};
  EXPECT_EQ(Of(check, {.word = "NVIDIA H100 80GB HBM3"}, h100).state, State::ok);
  EXPECT_EQ(Of(check, {.word = "NVIDIA A100-SXM4-40GB"}, h100).state, State::fail);
}

TEST(Verdict, WhatHasNoLimitIsMoreThanAnyLimit) {
  const Check check{.id = "limits.memlock",
                    .what = "memory that may be locked",
                    .unit = Unit::bytes,
                    .fail = Rule{.comparison = Comparison::below, .number = 16.0 * (1 << 30)}};
  const Verdict verdict = Of(check, {.number = kUnlimited});
  EXPECT_EQ(verdict.state, State::ok);
  EXPECT_EQ(verdict.value, "unlimited");
}

TEST(Verdict, AProfilesOwnLimitStandsInsteadOfTheCataloguesAndACheckMayBeOff) {
  const Profile cool{.name = "cool", .limits = {{.check = "gpu.temperature", .fail = Above(60)}}};
  EXPECT_EQ(Of(Effective(Temperature(), cool), {.number = 61}, cool).state, State::fail);
  EXPECT_FALSE(Judge(Temperature(), {.number = 99}, {.name = "off", .off = {"gpu.temperature"}}));
}

TEST(Verdict, AHostIsAsBadAsItsWorstCheck) {
  EXPECT_EQ(Worst({}), State::ok);
  EXPECT_EQ(Worst({{.state = State::ok}, {.state = State::unknown}}), State::unknown);
  EXPECT_EQ(Worst({{.state = State::warn}, {.state = State::unknown}}), State::warn);
  EXPECT_EQ(Worst({{.state = State::warn}, {.state = State::fail}, {.state = State::unknown}}), State::fail);
}

}  // namespace
}  // namespace everstep::health
