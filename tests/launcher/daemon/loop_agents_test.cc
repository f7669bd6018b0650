// Agents and hosts, as the launcher's loop deals with them.
#include "tests/launcher/daemon/loop_rig.h"

namespace everstep {
namespace {

TEST_F(Loop, ABeatIsAnsweredAtOnceAndAsksForAReportWhenTheHashDiffers) {
  Connect(n1, 1);
  const Hello hello = HelloFrom(n1);
  Says(1,
       Beat{.seq = Sequence(1), .incarnation = Incarnation(1), .sent = AtNanoseconds(42), .state_hash = HashOf(hello.report)});
  Says(1, Beat{.seq = Sequence(2), .incarnation = Incarnation(1), .sent = AtNanoseconds(43), .state_hash = 1});
  const auto acks = SentTo<BeatAck>(1);
  ASSERT_EQ(acks.size(), 2u);
  EXPECT_EQ(acks[0].sent, AtNanoseconds(42));
  EXPECT_FALSE(acks[0].report_wanted);
  EXPECT_TRUE(acks[1].report_wanted);
}

TEST_F(Loop, ASecondLiveAgentOfTheSameNameIsRefusedAndARestartedOneIsNot) {
  Connect(n1, 1);
  Hello stranger = HelloFrom(n1);
  stranger.boot = BootId("another host");
  Do(SessionOpened{SessionId(2), "ipv4:elsewhere", stranger});
  ASSERT_EQ(SentTo<Rejected>(2).size(), 1u);
  EXPECT_EQ(SentTo<Rejected>(2)[0].why,
            "another live agent is n1 already, from ipv4:test: give this host a name of its own (--node)");
  Hello twin = HelloFrom(n1, 2);
  twin.state_id = "another directory";
  Do(SessionOpened{SessionId(4), "ipv4:test", twin});
  EXPECT_EQ(SentTo<Rejected>(4).size(), 1u) << "the same host and boot, yet not the same agent";
  Do(SessionOpened{SessionId(3), "ipv4:test", HelloFrom(n1, 2)});
  Sync();
  EXPECT_EQ(SentTo<Welcome>(3).size(), 1u);
}

TEST_F(Loop, AnAgentOfAnotherProtocolIsTurnedAwayForGoodAndBothVersionsAreNamed) {
  Hello old = HelloFrom(n1);
  old.protocol = limit::kProtocol - 1;
  old.version = "0.0.9";
  Do(SessionOpened{SessionId(1), "ipv4:test", old});
  ASSERT_EQ(SentTo<Rejected>(1).size(), 1u);
  EXPECT_TRUE(SentTo<Rejected>(1)[0].final);
  EXPECT_TRUE(
      SentTo<Rejected>(1)[0].why.starts_with(Cat("agent 0.0.9 speaks protocol ", limit::kProtocol - 1, ", this launcher (")))
      << SentTo<Rejected>(1)[0].why;
  EXPECT_TRUE(SentTo<Rejected>(1)[0].why.ends_with(Cat("speaks ", limit::kProtocol, ": install the same version on both")));
}

TEST_F(Loop, AnAnswerOfAnotherAgentUnderTheSameNameIsNoSignOfLife) {
  Connect(n1, 1);
  const std::uint64_t others[] = {TagOf("another directory", BootId("boot")), TagOf("1", BootId("next boot"))};
  for (const std::uint64_t agent : {others[0], others[1], TagOf("1", BootId("boot"))}) {
    const bool own = agent != others[0] && agent != others[1];
    Wait(2s);  // silent: it is asked
    ASSERT_FALSE(links.dialed.empty());
    const auto& [node, ping] = links.dialed.back();
    const Beat beat{.seq = Sequence(9), .incarnation = Incarnation(1), .agent = agent};
    Do(DialAnswer{.node = n1,
                  .nonce = ping.nonce,
                  .finding = PeerFinding::alive,
                  .pong = Pong{.nonce = ping.nonce, .node = n1, .boot = BootId("boot"), .beat = beat}});
    EXPECT_EQ(loop->world().hosts.at(n1).pulse, own ? Pulse::trusted : Pulse::suspect);
  }
}

TEST_F(Loop, AnotherStateDirectoryHasToWaitUntilTheFirstOnesRanksAreGone) {
  Connect(n1, 1);
  Do(SessionClosed{SessionId(1), "connection lost"});
  Hello twin = HelloFrom(n1);
  twin.state_id = "another directory";
  Do(SessionOpened{SessionId(2), "ipv4:test", twin});
  ASSERT_EQ(SentTo<Rejected>(2).size(), 1u);
  EXPECT_FALSE(SentTo<Rejected>(2)[0].final);
  Wait(5s);
  Do(SessionOpened{SessionId(3), "ipv4:test", twin});
  Sync();
  EXPECT_EQ(SentTo<Welcome>(3).size(), 1u);
}

TEST_F(Loop, ASilentHostIsAskedAboutOverAFreshConnectionAndThroughPeersWithItsLastBeat) {
  Connect(n1, 1);
  Connect(n2, 2);
  Says(1, Beat{.seq = Sequence(1), .incarnation = Incarnation(1), .sent = AtNanoseconds(42)});
  Wait(1s);
  Says(2, Beat{.seq = Sequence(1), .incarnation = Incarnation(1), .sent = AtNanoseconds(43)});
  Wait(600ms);
  ASSERT_EQ(links.dialed.size(), 1u);
  EXPECT_EQ(links.dialed[0].first, n1);
  const auto probes = SentTo<ProbePeer>(2);
  ASSERT_EQ(probes.size(), 1u);
  EXPECT_EQ(probes[0].suspect, n1);
  EXPECT_EQ(probes[0].acknowledged, AtNanoseconds(42));
}

TEST_F(Loop, AHostThatWasHeldAndIsHeardAgainIsSaidToBeSo) {
  Connect(n1, 1);
  Wait(30s);
  ASSERT_EQ(loop->world().hosts.at(n1).pulse, Pulse::lost);
  ASSERT_TRUE(loop->world().state.nodes.at(n1).member) << "all are silent: it is not evicted";
  Connect(n1, 2);
  EXPECT_NE(disk.entries.back().find("node_trusted"), std::string::npos) << disk.entries.back();
}

TEST_F(Loop, TheLastWordsOfAHostAreFetchedWhenItIsLostAndWhenItComesBackRebooted) {
  Connect(n1, 1);
  Connect(n2, 2);
  Do(ApiCall{1, Training()});
  Sync();
  Wait(1s);
  EXPECT_TRUE(asked.empty());
  Do(SessionClosed{SessionId(1), "connection lost"});
  Hello rebooted = HelloFrom(n1, 2);
  rebooted.boot = BootId("another");
  Do(SessionOpened{SessionId(3), "ipv4:test", rebooted});
  EXPECT_EQ(asked, std::vector<std::string>{"n1 train-1 1"});
  EXPECT_EQ(loop->world().hosts.at(n1).last_words.at({JobId("train-1"), Generation(1)}).at(0).tail, "boom");
  asked.clear();
  Wait(30s);
  ASSERT_EQ(loop->world().hosts.at(n1).pulse, Pulse::lost);
  EXPECT_FALSE(asked.empty());
}

TEST_F(Loop, OnlyWhoHasAGangIsToldTheMembersWhichItNeedsToLiveWithoutALauncher) {
  Connect(n1, 1);
  Connect(n2, 2);
  Wait(1s);
  for (const std::uint64_t session : {1, 2}) {
    ASSERT_EQ(SentTo<Welcome>(session).size(), 1u) << "nobody is told that others joined";
    EXPECT_EQ(SentTo<Welcome>(session)[0].membership, 0u);
    EXPECT_TRUE(SentTo<Welcome>(session)[0].peers.empty());
  }
  Do(ApiCall{1, Training()});
  Sync();
  const Welcome told = SentTo<Welcome>(1).at(1);
  EXPECT_EQ(told.membership, loop->world().state.membership);
  EXPECT_EQ(told.peers.size(), 2u);
  const auto prepare = std::find_if(links.sent.begin(), links.sent.end(),
                                    [](const auto& s) { return std::holds_alternative<Prepare>(s.second); });
  const auto welcome = std::find_if(links.sent.begin(), links.sent.end(), [](const auto& s) {
    const auto* one = std::get_if<Welcome>(&s.second);
    return one && one->membership != 0;
  });
  EXPECT_LT(welcome, prepare) << "before it may have to live by it";
  Connect(NodeId("n3"), 3);
  Wait(1s);
  EXPECT_EQ(SentTo<Welcome>(1).back().peers.size(), 3u) << "and whenever they change";
  EXPECT_EQ(SentTo<Welcome>(2).size(), 1u);
  Do(SessionClosed{SessionId(1), "connection lost"});
  Hello again = HelloFrom(n1, 2);
  again.report.gangs = {GangStatus{.job = JobId("train-1"), .generation = Generation(1), .phase = GangPhase::prepared}};
  Do(SessionOpened{SessionId(4), "ipv4:test", again});
  Sync();
  EXPECT_EQ(SentTo<Welcome>(4).at(0).peers.size(), 3u) << "an agent that comes back to its gangs";
}

}  // namespace
}  // namespace everstep
