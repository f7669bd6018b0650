#include "health/core/detector.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

namespace everstep {
namespace {

constexpr Time kStart = AtNanoseconds(1'000'000'000'000);
const NodeId n1("n1"), n2("n2"), n3("n3");

Beat BeatNo(std::uint64_t seq, std::uint64_t incarnation = 1) {
  return {.seq = Sequence(seq), .incarnation = Incarnation(incarnation), .sent = AtNanoseconds(static_cast<std::int64_t>(seq))};
}
Opinion Nothing(const NodeId& by, Time at) { return {by, PeerFinding::nothing, "no answer in 700 ms", at}; }
Opinion AgentDown(const NodeId& by, Time at) { return {by, PeerFinding::agent_down, "connection refused", at}; }

class Detector : public ::testing::Test {
 protected:
  void SetUp() override {
    detector.Watch(n1, kStart, kStart);
    EXPECT_TRUE(detector.Heard(n1, kStart, BeatNo(1)).changed.empty());
  }
  // Ticks whenever the detector asks for it, up to and including `until`.
  DetectorOutput RunTo(Duration until) {
    DetectorOutput all;
    for (;;) {
      const auto next = detector.Deadline();
      const Time now = next && *next <= kStart + until ? std::max(*next, now_) : kStart + until;
      DetectorOutput out = detector.Tick(now_ = now);
      all.ask.insert(all.ask.end(), out.ask.begin(), out.ask.end());
      all.changed.insert(all.changed.end(), out.changed.begin(), out.changed.end());
      if (now >= kStart + until) return all;
    }
  }
  FailureDetector detector{DetectorOptions{}};
  Time now_ = kStart;
};

TEST_F(Detector, SilenceMakesAHostSuspectAndAsksAboutIt) {
  EXPECT_TRUE(RunTo(1499ms).changed.empty());
  const DetectorOutput out = RunTo(1500ms);
  ASSERT_EQ(out.changed.size(), 1u);
  EXPECT_EQ(out.changed[0].why, "n1 is suspect: silent for 1.5 s");
  ASSERT_EQ(out.ask.size(), 1u);
  EXPECT_FALSE(out.ask[0].everybody);
}

TEST_F(Detector, TheNextDeadlineIsThatOfWhoIsSilentTheLongest) {
  detector.Watch(n2, kStart + 200ms, kStart);
  EXPECT_EQ(detector.Deadline(), kStart + 1500ms) << "of n1";
  detector.Heard(n1, kStart + 700ms, BeatNo(2));
  EXPECT_EQ(detector.Deadline(), kStart + 1700ms) << "of n2, since n1 was heard";
  detector.ForgiveLateness(300ms);
  EXPECT_EQ(detector.Deadline(), kStart + 2s) << "whoever was late himself waits longer";
  detector.Watch(n2, kStart + 900ms, kStart);
  EXPECT_EQ(detector.Deadline(), kStart + 2400ms) << "watched anew, as if it had beaten";
  detector.SessionLost(n2, kStart + 1s, "reset");
  EXPECT_EQ(detector.Deadline(), kStart + 2s) << "a suspect is asked about again after a second";
  detector.Forget(n2);
  EXPECT_EQ(detector.Deadline(), kStart + 2500ms) << "only n1 is left";
  detector.Forget(n1);
  EXPECT_EQ(detector.Deadline(), std::nullopt);
}

TEST_F(Detector, OfManyThatFallSilentAtOnceNoMoreAreAskedAboutThanMayBeAndEachInItsTurn) {
  constexpr int kHosts = 1000;
  std::set<NodeId> asked;
  const auto note = [&asked](const DetectorOutput& out) {
    for (const AskAbout& ask : out.ask) asked.insert(ask.suspect);
    return out.ask.size();
  };
  detector.Forget(n1);
  for (int i = 0; i < kHosts; ++i) detector.Watch(NodeId("h" + std::to_string(i)), kStart, kStart);
  const DetectorOutput first = RunTo(1500ms);
  EXPECT_EQ(first.changed.size(), std::size_t{kHosts}) << "all are suspect at once";
  EXPECT_EQ(note(first), std::size_t{kAsksAtOnce});
  EXPECT_LE(note(RunTo(2500ms)), std::size_t{kAsksPerSecond});
  const DetectorOutput later = RunTo(4999ms);
  note(later);
  EXPECT_EQ(asked.size(), std::size_t{kHosts}) << "in time for the verdict";
  EXPECT_TRUE(std::none_of(later.ask.begin(), later.ask.end(), [](const AskAbout& ask) { return ask.everybody; }))
      << "everybody about each of a thousand would be more than anybody can answer";
}

TEST_F(Detector, WhoWasNotAskedAboutYetIsNotLostHoweverLongItsTurnTakes) {
  constexpr int kHosts = 3000;
  detector.Forget(n1);
  for (int i = 0; i < kHosts; ++i) detector.Watch(NodeId("h" + std::to_string(i)), kStart, kStart);
  std::set<NodeId> asked;
  for (const AskAbout& ask : RunTo(4s).ask) asked.insert(ask.suspect);
  EXPECT_LT(asked.size(), std::size_t{kHosts});
  std::size_t lost = 0;
  const DetectorOutput out = RunTo(5s);
  for (const TrustChanged& change : out.changed) {
    EXPECT_TRUE(asked.contains(change.node)) << change.why;
    ++lost;
  }
  EXPECT_GT(lost, asked.size() / 2);
  for (const TrustChanged& change : RunTo(1min).changed) lost += change.trust == Trust::lost ? 1 : 0;
  EXPECT_EQ(lost, std::size_t{kHosts}) << "in the end";
}

TEST_F(Detector, AHostIsLostAtFiveSecondsWhenAPeerGotNothing) {
  const DetectorOutput asked = RunTo(1500ms);
  detector.Found(n1, asked.ask[0].nonce, Nothing(n2, kStart + 2200ms), std::nullopt);
  EXPECT_TRUE(RunTo(4999ms).changed.empty());
  const DetectorOutput out = RunTo(5s);
  ASSERT_EQ(out.changed.size(), 1u);
  EXPECT_EQ(out.changed[0].trust, Trust::lost);
  EXPECT_EQ(out.changed[0].why, "n1 is lost: silent for 5 s, and 1 of 1 peer asked got no answer from it");
}

TEST_F(Detector, AWordOfADyingKernelDoesNotOutliveTwoRoundsWithoutAnAnswer) {
  detector = FailureDetector({.agent_return = 10s});
  SetUp();
  const DetectorOutput asked = RunTo(1500ms);
  detector.Found(n1, asked.ask[0].nonce, AgentDown(n2, kStart + 1600ms), std::nullopt);
  detector.Found(n1, asked.ask[0].nonce, Nothing(n3, kStart + 3500ms), std::nullopt);
  EXPECT_TRUE(RunTo(5s).changed.empty()) << "the agent may be on its way back";
  detector.Found(n1, asked.ask[0].nonce, Nothing(n3, kStart + 5s), std::nullopt);
  EXPECT_EQ(detector.TrustIn(n1), Trust::lost);
}

TEST_F(Detector, BeforeItIsLostEverybodyHasBeenAsked) {
  const DetectorOutput out = RunTo(4999ms);
  EXPECT_TRUE(std::any_of(out.ask.begin(), out.ask.end(), [](const AskAbout& ask) { return ask.everybody; }));
}

TEST_F(Detector, APeerCannotLieAliveOnlyAFreshBeatOfTheHostItselfCounts) {
  const DetectorOutput asked = RunTo(1500ms);
  const Opinion alive{n2, PeerFinding::alive, "answered in 2 ms", kStart + 1600ms};
  EXPECT_TRUE(detector.Found(n1, asked.ask[0].nonce, alive, BeatNo(1)).changed.empty()) << "an old beat proves nothing";
  const DetectorOutput out = detector.Found(n1, asked.ask[0].nonce, alive, BeatNo(2));
  ASSERT_EQ(out.changed.size(), 1u);
  EXPECT_EQ(out.changed[0].why, "n1 is heard again after 1.6 s");
}

TEST_F(Detector, AHostWhoseAgentIsDownHasTimeToStartItAgain) {
  detector = FailureDetector({.agent_return = 10s});
  SetUp();
  const DetectorOutput asked = RunTo(1500ms);
  detector.Found(n1, asked.ask[0].nonce, AgentDown(n2, kStart + 1501ms), std::nullopt);
  detector.Found(n1, asked.ask[0].nonce, Nothing(n3, kStart + 2200ms), std::nullopt);
  EXPECT_TRUE(RunTo(9999ms).changed.empty());
  const DetectorOutput out = RunTo(10s);
  ASSERT_EQ(out.changed.size(), 1u);
  EXPECT_EQ(out.changed[0].why, "n1 is lost: its agent has been down for 10 s (host up: connection refused, seen by n2)");
}

TEST_F(Detector, ThePeersSilenceIsNoEvidenceButWithoutAnyPeerTimeDecides) {
  RunTo(1500ms);
  const DetectorOutput out = RunTo(5s);
  ASSERT_EQ(out.changed.size(), 1u);
  EXPECT_EQ(out.changed[0].why, "n1 is lost: silent for 5 s, and no peer could be asked");
}

TEST_F(Detector, ABrokenSessionIsAReasonToLookAtOnce) {
  const DetectorOutput out = detector.SessionLost(n1, kStart + 10ms, "connection reset by peer");
  ASSERT_EQ(out.changed.size(), 1u);
  EXPECT_EQ(out.changed[0].why, "n1 is suspect: its session ended (connection reset by peer)");
  EXPECT_EQ(out.ask.size(), 1u);
}

TEST_F(Detector, ALateLauncherBlamesItselfAndNotTheHosts) {
  detector.ForgiveLateness(4s);
  EXPECT_TRUE(RunTo(5499ms).changed.empty());
  EXPECT_EQ(RunTo(5500ms).changed.size(), 1u);
}

TEST_F(Detector, NobodyIsLostBeforeTheGraceAfterALauncherStart) {
  detector.Watch(n1, kStart, kStart + 10s);
  const DetectorOutput out = RunTo(9999ms);
  ASSERT_EQ(out.changed.size(), 1u);
  EXPECT_EQ(out.changed[0].trust, Trust::suspect);
  EXPECT_EQ(RunTo(10s).changed.size(), 1u);
}

TEST_F(Detector, AnswersToAnOldSuspicionAreNotCounted) {
  const DetectorOutput first = RunTo(1500ms);
  detector.Heard(n1, kStart + 1600ms, BeatNo(2));
  const DetectorOutput second = RunTo(3100ms);
  ASSERT_EQ(second.changed.size(), 1u);
  detector.Found(n1, first.ask[0].nonce, Nothing(n2, kStart + 3200ms), std::nullopt);
  EXPECT_TRUE(detector.Opinions(n1).empty());
}

TEST_F(Detector, ANewIncarnationCountsItsBeatsFromOneAgain) {
  detector.Heard(n1, kStart, BeatNo(1000));
  RunTo(2s);
  EXPECT_EQ(detector.Heard(n1, kStart + 2s, BeatNo(1, 2)).changed.size(), 1u);
}

}  // namespace
}  // namespace everstep
