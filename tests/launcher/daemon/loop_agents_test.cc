// What the launcher's loop tells agents, and what it asks for when they are gone.
#include "tests/launcher/daemon/loop_fixture.h"

namespace everstep {
namespace {

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

TEST_F(Loop, ManyReportsThatWaitedAreEachAcknowledgedOnceWhatFollowsFromAllIsDurable) {
  Connect(n1, 1);
  Connect(n2, 2);
  SubmitJob both = Training();
  both.spec.nodes = 2;
  Do(ApiCall{1, both});
  Sync();
  const auto prepared = [this](std::uint64_t session) {
    Report report{.seq = Sequence(++report_seq)};
    report.gangs = {{.job = JobId("train-1"), .generation = Generation(1), .phase = GangPhase::prepared}};
    return SessionMessage{SessionId(session), report};
  };
  const std::size_t before = disk.entries.size();
  links.sent.clear();
  loop->HandleAll(clock.now, {prepared(1), prepared(2)});
  EXPECT_EQ(disk.entries.size(), before + 1) << "the start";
  EXPECT_TRUE(SentTo<ReportAck>(1).empty()) << "the start rests on it, and is not durable";
  Sync();
  for (const std::uint64_t session : {1, 2}) {
    EXPECT_EQ(SentTo<ReportAck>(session).size(), 1u);
    EXPECT_EQ(SentTo<Start>(session).size(), 1u);
  }
}

TEST_F(Loop, OfTwoFailuresThatWaitedTheOneThatCameFirstIsTheCause) {
  Connect(n1, 1);
  Connect(n2, 2);
  SubmitJob both = Training();
  both.spec.nodes = 2;
  Do(ApiCall{1, both});
  Sync();
  SaysGang(1, GangPhase::prepared);
  SaysGang(2, GangPhase::prepared);
  Sync();
  const auto failed = [this](std::uint64_t session, std::uint32_t rank) {
    Report report{.seq = Sequence(++report_seq)};
    report.gangs = {{.job = JobId("train-1"),
                     .generation = Generation(1),
                     .phase = GangPhase::empty,
                     .ranks = {{.rank = rank, .exit = RankExit{.code = 7}}}}};
    return SessionMessage{SessionId(session), report};
  };
  loop->HandleAll(clock.now, {failed(2, 1), failed(1, 0)});
  EXPECT_EQ(loop->world().state.jobs.at(JobId("train-1")).incidents.at(0).blame.node, n2);
}

// The end of a gang right behind its first failure, in one turn: deciding about the one must not make the other unheard.
TEST_F(Loop, WhatComesBehindAFirstFailureInTheSameTurnIsDecidedOnToo) {
  Connect(n1, 1);
  Do(ApiCall{7, Training()});
  Sync();
  SaysGang(1, GangPhase::prepared);
  Sync();
  SaysGang(1, GangPhase::running, {{.rank = 0, .pid = 12}});
  Sync();
  const auto ended = [this](GangPhase phase) {
    GangStatus gang{.job = JobId("train-1"), .generation = Generation(1), .phase = phase};
    gang.ranks = {{.rank = 0, .pid = 12, .exit = RankExit{.code = 3}}};
    return SessionMessage{SessionId(1), Report{.seq = Sequence(++report_seq), .gangs = {gang}}};
  };
  loop->HandleAll(clock.now, {ended(GangPhase::running), ended(GangPhase::empty)});
  const JobState& job = loop->world().state.jobs.at(JobId("train-1"));
  EXPECT_EQ(job.generation, Generation(2)) << Name(job.phase) << ": " << job.why;
}

TEST_F(Loop, ABeatThatWaitsBehindAnAnswerSpeaksForItsHostWhenTheLoopIsBehind) {
  Connect(n1, 1);
  Connect(n2, 2);
  Connect(NodeId("n3"), 3);  // so that one silent host is less than half
  Do(SessionClosed{SessionId(1), "connection lost"});
  ASSERT_EQ(links.dialed.size(), 1u);
  const std::uint64_t nonce = links.dialed[0].second.nonce;
  clock.now += options.lost_after + options.return_grace;  // in one turn, as it were
  const NodeState& node = loop->world().state.nodes.at(n1);
  const Beat beat{.seq = Sequence(1), .incarnation = Incarnation(1), .agent = TagOf(node.state_id, node.boot)};
  const PeerAnswer nothing{.nonce = nonce, .suspect = n1, .finding = PeerFinding::nothing, .evidence = "no answer"};
  const PeerAnswer alive{.nonce = nonce, .suspect = n1, .finding = PeerFinding::alive, .beat = beat};
  loop->HandleAll(clock.now, {SessionMessage{SessionId(2), nothing}, SessionMessage{SessionId(2), alive}});
  EXPECT_TRUE(loop->world().state.nodes.at(n1).member) << node.why;
}

}  // namespace
}  // namespace everstep
