// The host is cut off: from the launcher, from its peers, from both. Who asks it, and whom it asks.
#include "tests/agent/daemon/story.h"

namespace everstep {
namespace {

using CutOff = Story;

// Nothing comes from the launcher any more, and nothing goes there.
void Cut(FakeLauncherLink& launcher) {
  launcher.silent = true;
  launcher.reachable = false;
}

TEST_F(CutOff, FromEverybodyItsGangIsKilledAFenceTimeAfterTheLastAcknowledgedBeat) {
  TrainingHost();
  Pass(10s);
  Cut(launcher);
  Pass(3900ms);
  EXPECT_TRUE(keepers.Runs(Key(1)));
  Pass(200ms);
  EXPECT_FALSE(keepers.Runs(Key(1)));
  EXPECT_TRUE(Logged("no acknowledgement of the launcher and no majority of the hosts for 4 s"));
  launcher.silent = false;
  launcher.reachable = true;
  Pass(4s);
  EXPECT_EQ(Phase(1), "empty");
  EXPECT_TRUE(Reported(1)->fenced);
}

TEST_F(CutOff, TheKeeperKillsWithoutAnAgentToo) {
  TrainingHost();
  Pass(10s);
  KillAgent();
  Pass(4100ms);
  EXPECT_FALSE(keepers.Runs(Key(1)));
}

TEST_F(CutOff, WhileMoreThanHalfReachEachOtherALauncherThatIsDownStopsNothing) {
  PeersAreAll({.finding = PeerFinding::alive, .launcher_silent = true});
  TrainingHost();
  Cut(launcher);
  Pass(5min);
  EXPECT_TRUE(keepers.Runs(Key(1)));
  EXPECT_TRUE(Logged("the gangs live on: 2 of 3 hosts, this one counted, are without a launcher and reach each other"));
  EXPECT_LT(log.size(), 60u) << "a launcher that is down for long does not fill the log";
}

TEST_F(CutOff, AWelcomeWithoutMembersLeavesThoseThatWereTold) {
  PeersAreAll({.finding = PeerFinding::alive, .launcher_silent = true});
  TrainingHost();
  Welcome shorter = launcher.welcome;
  shorter.membership = 0;
  shorter.peers.clear();
  Say(shorter);
  Cut(launcher);
  Pass(5min);
  EXPECT_TRUE(keepers.Runs(Key(1)));
}

TEST_F(CutOff, HalfIsNotEnough) {
  Members(4);
  launcher.peers[NodeId("n2")] = {.finding = PeerFinding::alive, .launcher_silent = true};
  TrainingHost();
  Cut(launcher);
  Pass(4100ms);
  EXPECT_FALSE(keepers.Runs(Key(1)));
}

TEST_F(CutOff, PeersThatHearTheLauncherDoNotCountButTellThatItIsThere) {
  PeersAreAll({.finding = PeerFinding::alive, .launcher_silent = false});
  TrainingHost();
  Cut(launcher);
  Pass(3s);
  const int opens = launcher.opens;
  Pass(900ms);
  EXPECT_GE(launcher.opens - opens, 2) << "no long pause between attempts";
  Pass(200ms);
  EXPECT_FALSE(keepers.Runs(Key(1)));
}

TEST_F(CutOff, AMembershipOfOneIsItsOwnMajority) {
  Members(1);
  TrainingHost();
  Cut(launcher);
  Pass(1min);
  EXPECT_TRUE(keepers.Runs(Key(1)));
  EXPECT_TRUE(launcher.asked.empty());
}

TEST_F(CutOff, AHostWithoutGangsAsksNobody) {
  PeersAreAll({.finding = PeerFinding::alive, .launcher_silent = true});
  StartAgent();
  Cut(launcher);
  Pass(1min);
  EXPECT_TRUE(launcher.asked.empty());
}

TEST_F(CutOff, AnAcknowledgementThatAPeerBringsKeepsItAlive) {
  TrainingHost();
  Pass(10s);
  Cut(launcher);
  for (std::uint64_t i = 1; i <= 10; ++i) {
    // The launcher has the beat that this answer carries; the next question says so.
    const Time known = launcher.answered.empty() ? now : launcher.answered.back().second->beat.sent;
    Give(PingReceived{.token = i, .ping = {.nonce = i, .to = NodeId("n1"), .epoch = epoch(), .acknowledged = known}});
    Pass(1500ms);
  }
  EXPECT_TRUE(keepers.Runs(Key(1)));
  Pass(4100ms);
  EXPECT_FALSE(keepers.Runs(Key(1)));
}

struct RelayRow {
  std::string name;
  Ping ping;
};
TEST_F(CutOff, AnAcknowledgementOfNobodyWithAuthorityIsWorthNothing) {
  launcher.welcome.epoch = Epoch(5);
  TrainingHost();
  Pass(10s);
  Cut(launcher);
  Pass(2s);
  for (const RelayRow& row : std::vector<RelayRow>{
           {"an older epoch", {.nonce = 1, .to = NodeId("n1"), .epoch = Epoch(4), .acknowledged = now}},
           {"no launcher", {.nonce = 2, .to = NodeId("n1"), .epoch = Epoch(), .acknowledged = now}},
           {"a beat that was never sent", {.nonce = 3, .to = NodeId("n1"), .epoch = Epoch(5), .acknowledged = now + 1h}},
           {"another host", {.nonce = 4, .to = NodeId("n9"), .epoch = Epoch(5), .acknowledged = now}}})
    Give(PingReceived{.token = row.ping.nonce, .ping = row.ping});
  Pass(2100ms);
  EXPECT_FALSE(keepers.Runs(Key(1)));
}

TEST_F(CutOff, NothingStartsOnceTheLeaseIsOver) {
  StartAgent();
  PrepareGang(1);
  keepers.holds_its_tongue = true;  // the fence does not fire in time either
  launcher.acks_beats = false;      // a launcher that is stuck in half of its work
  for (int i = 0; i < 5; ++i) {
    Pass(1s);
    Say(ReportAck{.epoch = epoch(), .seq = {}, .index = {}});
  }
  EXPECT_EQ(launcher.closes, 0);
  StartGang(1);
  EXPECT_TRUE(SentToKeeper<KeeperStart>(1).empty());
  EXPECT_TRUE(Logged("not started: this host's lease is over, no acknowledgement of the launcher came"));
}

TEST_F(CutOff, AShorterFenceTimeIsObeyed) {
  launcher.welcome.fence_after = 2500ms;
  TrainingHost();
  Pass(10s);
  Cut(launcher);
  Pass(2600ms);
  EXPECT_FALSE(keepers.Runs(Key(1)));
}

// ---- who asks this host, and whom it asks for the launcher ---------------------------------------------------------------

TEST_F(CutOff, WhoAsksGetsAFreshBeatAndWhoMeantAnotherHostNone) {
  StartAgent();
  Pass(1s);
  Give(PingReceived{.token = 1, .ping = {.nonce = 42, .to = NodeId("n1")}});
  Give(PingReceived{.token = 2, .ping = {.nonce = 43, .to = NodeId("n2")}});
  ASSERT_EQ(launcher.answered.size(), 2u);
  const std::optional<Pong>& pong = launcher.answered[0].second;
  ASSERT_TRUE(pong);
  EXPECT_EQ(pong->nonce, 42u);
  EXPECT_EQ(pong->boot, BootId("boot-a"));
  EXPECT_EQ(pong->beat.sent, now);
  EXPECT_GT(pong->beat.seq, launcher.beats.back().seq);
  EXPECT_FALSE(pong->launcher_silent);
  EXPECT_EQ(launcher.answered[1].second, std::nullopt);
  Cut(launcher);
  Pass(2s);
  Give(PingReceived{.token = 3, .ping = {.nonce = 44, .to = NodeId("n1")}});
  EXPECT_TRUE(launcher.answered[2].second->launcher_silent);
}

TEST_F(CutOff, ASuspectIsAskedForTheLauncherWithItsNonceAndItsAcknowledgement) {
  StartAgent();
  launcher.peers[NodeId("n2")] = {};
  Say(ProbePeer{
      .epoch = epoch(), .nonce = 99, .suspect = NodeId("n2"), .address = "10.0.0.2:7451", .acknowledged = AtNanoseconds(5)});
  ASSERT_EQ(launcher.asked.size(), 1u);
  EXPECT_EQ(launcher.asked[0].second,
            (Ping{.nonce = 99, .to = NodeId("n2"), .epoch = epoch(), .acknowledged = AtNanoseconds(5)}));
  ASSERT_EQ(launcher.peer_answers.size(), 1u);
  EXPECT_EQ(launcher.peer_answers[0].finding, PeerFinding::alive);
  EXPECT_EQ(launcher.peer_answers[0].beat->seq, Sequence(7));
}

TEST_F(CutOff, WhatTheSuspectsHostSaysIsPassedOnAsItIs) {
  StartAgent();
  for (const PeerFinding finding : {PeerFinding::agent_down, PeerFinding::nothing}) {
    launcher.peers[NodeId("n2")] = {.finding = finding};
    Say(ProbePeer{.epoch = epoch(), .nonce = 1, .suspect = NodeId("n2"), .address = "", .acknowledged = {}});
    EXPECT_EQ(launcher.peer_answers.back().finding, finding);
    EXPECT_EQ(launcher.peer_answers.back().evidence, "as the story says");
    EXPECT_FALSE(launcher.peer_answers.back().beat);
  }
}

TEST_F(CutOff, AnotherHostAtTheSuspectsAddressIsNoSignOfTheSuspect) {
  StartAgent();
  launcher.peers[NodeId("n2")] = {.answers = false};
  Say(ProbePeer{.epoch = epoch(), .nonce = 5, .suspect = NodeId("n2"), .address = "", .acknowledged = {}});
  Give(PingAnswer{.node = NodeId("n2"),
                  .nonce = 5,
                  .finding = PeerFinding::alive,
                  .pong = Pong{.nonce = 5, .node = NodeId("n3")},
                  .evidence = ""});
  ASSERT_EQ(launcher.peer_answers.size(), 1u);
  EXPECT_EQ(launcher.peer_answers[0].finding, PeerFinding::nothing);
}

}  // namespace
}  // namespace everstep
