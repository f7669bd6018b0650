#include "agent/core/session.h"

#include <gtest/gtest.h>

namespace everstep {
namespace {

Time At(Duration d) { return AtNanoseconds(0) + 1h + d; }

// A session that was welcomed at 0 s, with beats every 500 ms and F = 4 s.
Session Welcomed() {
  Session session{Rng(1)};
  session.Begin(At(0s));
  EXPECT_EQ(session.Tick(At(0s)).act, SessionAct::open);
  session.Opened(At(0s));
  session.Welcomed(At(0s), 500ms, 4s);
  return session;
}

TEST(Session, ItOpensAtOnceGreetsAndBeats) {
  Session session = Welcomed();
  EXPECT_TRUE(session.Up());
  EXPECT_EQ(session.Tick(At(0s)).act, SessionAct::beat);
  EXPECT_EQ(session.Tick(At(0s)).act, SessionAct::nothing);
  EXPECT_EQ(session.Deadline(), At(500ms));
  EXPECT_EQ(session.Tick(At(500ms)).act, SessionAct::beat);
  EXPECT_EQ(session.Tick(At(520ms)).act, SessionAct::nothing);
}

TEST(Session, AWelcomeThatOnlyChangesThePolicyDoesNotBeatTwice) {
  Session session = Welcomed();
  session.Tick(At(0s));
  session.Welcomed(At(100ms), 1s, 4s);
  EXPECT_EQ(session.Tick(At(100ms)).act, SessionAct::nothing);
  EXPECT_EQ(session.Tick(At(500ms)).act, SessionAct::beat);
  EXPECT_EQ(session.Deadline(), At(1500ms));
}

TEST(Session, ALateLoopDoesNotMakeUpForMissedBeats) {
  Session session = Welcomed();
  session.Tick(At(0s));
  session.Heard(At(3s));
  EXPECT_EQ(session.Tick(At(3s)).act, SessionAct::beat);
  EXPECT_EQ(session.Tick(At(3s)).act, SessionAct::nothing);
}

TEST(Session, ItsOwnLatenessIsNotTheLaunchersSilence) {
  Session session = Welcomed();
  session.Tick(At(0s));
  EXPECT_EQ(session.Tick(At(10s)).act, SessionAct::beat) << "stuck for ten seconds: what was said meanwhile comes next";
  Time now = At(10s);
  SessionStep step;
  while (step.act != SessionAct::close) step = session.Tick(now = *session.Deadline());
  EXPECT_EQ(now, At(11500ms)) << "2 s of silence, of which half a second was before";
}

TEST(Session, ASilentStreamIsClosedAndNothingIsDoneUntilItIs) {
  Session session = Welcomed();
  while (*session.Deadline() <= At(1s)) session.Tick(*session.Deadline());
  session.Heard(At(1s));
  while (*session.Deadline() < At(3s)) EXPECT_EQ(session.Tick(*session.Deadline()).act, SessionAct::beat);
  const SessionStep step = session.Tick(At(3s));
  EXPECT_EQ(step.act, SessionAct::close);
  EXPECT_EQ(step.why, "nothing heard of the launcher for 2 s");
  EXPECT_EQ(session.Tick(At(10s)).act, SessionAct::nothing);
  EXPECT_EQ(session.Deadline(), std::nullopt);
  session.Closed(At(10s));
  EXPECT_EQ(session.phase(), SessionPhase::down);
}

TEST(Session, AnOpeningThatDoesNotEndIsGivenUp) {
  Session session{Rng(1)};
  session.Begin(At(0s));
  session.Tick(At(0s));
  EXPECT_EQ(session.Deadline(), At(Session::kGreetingMax));
  EXPECT_EQ(session.Tick(At(Session::kGreetingMax)).act, SessionAct::close);
}

TEST(Session, BackOffGrowsWithFullJitterBetween50MillisecondsAnd2Seconds) {
  Rng rng(3);
  Backoff backoff;
  Duration bound = 100ms;
  Duration longest{0};
  for (int i = 0; i < 200; ++i) {
    const Duration wait = backoff.Next(rng);
    EXPECT_GE(wait, 50ms);
    EXPECT_LE(wait, bound);
    bound = std::min<Duration>(2 * bound, 2s);
    longest = std::max(longest, wait);
  }
  EXPECT_GT(longest, 1500ms);
  backoff.Reset();
  EXPECT_LE(backoff.Next(rng), 100ms);
}

TEST(Session, OnlyAnAcknowledgementSaysThatItWorks) {
  // A launcher that welcomes and dies must not be hammered.
  Session session{Rng(5)};
  session.Begin(At(0s));
  Time now = At(0s);
  Duration longest{0};
  for (int i = 0; i < 60; ++i) {
    now = *session.Deadline();
    ASSERT_EQ(session.Tick(now).act, SessionAct::open);
    session.Opened(now);
    session.Welcomed(now, 500ms, 4s);
    session.Closed(now);
    longest = std::max(longest, *session.Deadline() - now);
  }
  EXPECT_GT(longest, 1s);
  session.Acknowledged();
  session.Closed(now);
  EXPECT_LE(*session.Deadline() - now, 100ms);
}

TEST(Session, ASignOfHopeShortensTheWait) {
  Session session{Rng(5)};
  session.Begin(At(0s));
  for (int i = 0; i < 10; ++i) {
    session.Tick(*session.Deadline());
    session.Closed(At(0s));
  }
  session.Hopeful(At(0s));
  EXPECT_LE(*session.Deadline(), At(100ms));
}

}  // namespace
}  // namespace everstep
