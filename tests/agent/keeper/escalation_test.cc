#include "agent/keeper/escalation.h"

#include <gtest/gtest.h>

namespace everstep {
namespace {

using Signal = Escalation::Signal;
constexpr Time At(Duration d) { return Time(d); }

TEST(Escalation, AStopTermsOnceAndKillsOnceAfterTheGrace) {
  Escalation escalation;
  EXPECT_EQ(escalation.Due(At(0s)), Signal::none);
  escalation.AskStop(At(1s), 5s);
  EXPECT_EQ(escalation.Due(At(1s)), Signal::terminate);
  EXPECT_EQ(escalation.Due(At(5s)), Signal::none);
  EXPECT_EQ(escalation.Next(), At(6s));
  EXPECT_EQ(escalation.Due(At(6s)), Signal::kill);
  EXPECT_EQ(escalation.Due(At(7s)), Signal::none);
  EXPECT_EQ(escalation.Next(), std::nullopt);
}

TEST(Escalation, ASecondStopOnlyShortens) {
  Escalation escalation;
  escalation.AskStop(At(0s), 60s);
  EXPECT_EQ(escalation.Due(At(0s)), Signal::terminate);
  escalation.AskStop(At(1s), 120s);
  EXPECT_EQ(escalation.Next(), At(60s));
  escalation.AskStop(At(2s), 3s);
  EXPECT_EQ(escalation.Next(), At(5s));
  EXPECT_EQ(escalation.Due(At(2s)), Signal::none);  // no second SIGTERM
}

TEST(Escalation, AStopWithoutGraceKillsAtOnce) {
  Escalation escalation;
  escalation.AskStop(At(1s), Duration(0));
  EXPECT_EQ(escalation.Due(At(1s)), Signal::kill);
}

TEST(Escalation, GracesOutsideOfReasonAreCut) {
  Escalation escalation;
  escalation.AskStop(At(1s), Duration::max());
  EXPECT_GT(escalation.Next(), At(24h));
  escalation.AskStop(At(2s), -5s);
  EXPECT_EQ(escalation.Next(), At(2s));
}

TEST(Escalation, LeftoversHaveAMomentButUnderAStopTheStopsGrace) {
  Escalation alone;
  alone.AskLeftovers(At(10s));
  alone.AskLeftovers(At(11s));
  EXPECT_EQ(alone.Due(At(11s)), Signal::none);
  EXPECT_EQ(alone.Next(), At(10s) + kLeftoverGrace);
  Escalation stopped;
  stopped.AskStop(At(0s), 60s);
  EXPECT_EQ(stopped.Due(At(0s)), Signal::terminate);
  stopped.AskLeftovers(At(10s));
  EXPECT_EQ(stopped.Next(), At(60s));
}

TEST(Escalation, AFenceDuringAStopKillsAtOnce) {
  Escalation escalation;
  escalation.AskStop(At(0s), 60s);
  EXPECT_EQ(escalation.Due(At(0s)), Signal::terminate);
  escalation.AskKill(At(3s));
  EXPECT_EQ(escalation.Due(At(3s)), Signal::kill);
}

}  // namespace
}  // namespace everstep
