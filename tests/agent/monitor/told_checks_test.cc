// What an agent answers who asks for all checks of its host.
#include "agent/monitor/told_checks.h"

#include <gtest/gtest.h>

#include "base/json/codec.h"

namespace everstep {
namespace {

Time At(Duration since) { return Time() + since; }

std::string Line() {
  return ToJson(
      HostChecks{.watched_for = 1min,
                 .checks = {{.check = "cpu.allowed", .value = "100 %", .age = 1s, .in_state = 30s, .values = {{"100 %", 30s}}},
                            {.check = "kernel.oops", .in_state = 1min}}});
}

TEST(ToldChecks, WhatWasToldGrowsOlderUntilSomebodyAsks) {
  ToldChecks told(NodeId("n3"));
  told.Told(Line(), At(100s));
  const HostChecks checks = told.Now(At(105s));
  EXPECT_EQ(checks.node, NodeId("n3"));
  EXPECT_EQ(checks.untold, "");
  EXPECT_EQ(checks.age, 5s);
  EXPECT_EQ(checks.watched_for, 65s);
  ASSERT_EQ(checks.checks.size(), 2u);
  EXPECT_EQ(checks.checks[0].age, 6s);
  EXPECT_EQ(checks.checks[0].in_state, 35s);
  EXPECT_EQ(checks.checks[0].values.front().ago, 35s);
  EXPECT_EQ(checks.checks[1].age, std::nullopt) << "what is followed has no age";
}

TEST(ToldChecks, AHostWithoutAMonitorSaysSo) {
  EXPECT_NE(ToldChecks(NodeId("n3")).Now(At(0s)).untold.find("no monitor runs beside its agent"), std::string::npos);
}

TEST(ToldChecks, AMonitorThatEndedIsNotQuoted) {
  ToldChecks told(NodeId("n3"));
  told.Told(Line(), At(0s));
  told.Silent("the monitor does not run: it was killed by signal 9");
  EXPECT_EQ(told.Now(At(1s)).untold, "the monitor does not run: it was killed by signal 9");
  EXPECT_TRUE(told.Now(At(1s)).checks.empty());
}

TEST(ToldChecks, AMonitorThatSaysNonsenseIsNamedAndNothingOfItIsShown) {
  ToldChecks told(NodeId("n3"));
  told.Told("{\"checks\": 7}", At(0s));
  EXPECT_NE(told.Now(At(1s)).untold.find("its monitor says what is no list of checks: "), std::string::npos);
}

}  // namespace
}  // namespace everstep
