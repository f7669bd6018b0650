// The stream to the launcher: how it is opened, kept, given up, and whom it obeys.
#include "tests/agent/daemon/story.h"

namespace everstep {
namespace {

using Link = Story;

TEST_F(Link, HelloSaysWhoThisIs) {
  StartAgent();
  ASSERT_EQ(launcher.hellos.size(), 1u);
  const Hello& hello = launcher.hellos[0];
  EXPECT_EQ(hello.protocol, limit::kProtocol);
  EXPECT_EQ(hello.node, NodeId("n1"));
  EXPECT_EQ(hello.boot, BootId("boot-a"));
  EXPECT_EQ(hello.incarnation, Incarnation(1));
  EXPECT_EQ(hello.address, "10.0.0.1:7451");
  EXPECT_EQ(hello.job_address, "10.0.0.1");
  EXPECT_EQ(hello.accelerators, 2u);
}

TEST_F(Link, BeatsComeAsOftenAsTheLauncherWantsThem) {
  launcher.welcome.beat_every = 1s;
  StartAgent();
  EXPECT_EQ(launcher.beats.size(), 1u) << "the first at once";
  Pass(10s);
  EXPECT_EQ(launcher.beats.size(), 11u);
  EXPECT_EQ(launcher.beats.back().seq, Sequence(11));
  EXPECT_EQ(launcher.beats.back().sent, now);
  EXPECT_EQ(launcher.beats.back().incarnation, Incarnation(1));
  EXPECT_EQ(launcher.beats.back().state_hash, HashOf(launcher.reports.back()));
}

TEST_F(Link, TheWelcomeAcknowledgesTheHelloSoThatAGangCanBePreparedAtOnce) {
  launcher.acks_beats = false;
  StartAgent();
  PrepareGang(1);
  EXPECT_EQ(Phase(1), "prepared");
  EXPECT_EQ(keepers.keepers.at(Key(1)).lease, now + 4s);
}

TEST_F(Link, NothingIsSentWhileThereIsNoSession) {
  StartAgent();
  launcher.reachable = false;
  launcher.Break("reset");
  const std::size_t beats = launcher.beats.size();
  Pass(10s);
  EXPECT_EQ(launcher.beats.size(), beats);
  EXPECT_GT(launcher.opens, 5);
  EXPECT_LT(launcher.opens, 60) << "with a growing pause";
  launcher.reachable = true;
  Pass(2s);
  EXPECT_EQ(launcher.hellos.size(), 2u);
}

TEST_F(Link, AReportThatTheLauncherDoesNotHaveIsSentAgain) {
  StartAgent();
  PrepareGang(1);
  const std::size_t reports = launcher.reports.size();
  Say(BeatAck{.epoch = epoch(), .seq = {}, .sent = {}, .index = {}, .report_wanted = true});
  EXPECT_EQ(launcher.reports.size(), reports + 1);
  EXPECT_EQ(Phase(1), "prepared");
}

TEST_F(Link, ASilentStreamIsGivenUpAndANewOneOpened) {
  StartAgent();
  Pass(1s);
  launcher.silent = true;
  Pass(2s);
  EXPECT_EQ(launcher.closes, 1);
  EXPECT_TRUE(Logged("closing the link: nothing heard of the launcher for 2"));
  launcher.silent = false;
  Pass(6s);
  EXPECT_EQ(launcher.hellos.size(), 2u);
}

TEST_F(Link, ALauncherOfAnOldEpochIsRefused) {
  launcher.welcome.epoch = Epoch(5);
  TrainingHost();
  launcher.Break("reset");
  launcher.welcome.epoch = Epoch(4);
  Pass(1s);
  EXPECT_TRUE(Logged("error closing the link: welcome refused: epoch 4 is over: this host has obeyed epoch 5"));
  EXPECT_GE(launcher.hellos.size(), 2u);
  EXPECT_EQ(launcher.hellos.back().epoch_seen, Epoch(5));
  EXPECT_EQ(launcher.beats.size(), 1u) << "it gets no sign of life on its stream";
  launcher.welcome.epoch = Epoch(6);
  Pass(3s);
  EXPECT_GT(launcher.beats.size(), 1u);
  EXPECT_TRUE(Logged("obeys epoch 6 from now on"));
}

TEST_F(Link, WhoIsAskedForALaterLauncherLeavesItsOwnAndFollowsWhoeverAnswersNow) {
  launcher.welcome.epoch = Epoch(5);
  TrainingHost();
  const auto ask = [&] { Give(PingReceived{.token = 1, .ping = {.nonce = 1, .to = NodeId("n1"), .epoch = Epoch(6)}}); };
  ask();
  EXPECT_EQ(launcher.answered.back().second->epoch, Epoch(5)) << "what it has obeyed, not what it was told of";
  EXPECT_TRUE(Logged("a launcher of epoch 6 asks after this host, the one it follows is of epoch 5"));
  Pass(1s);
  ASSERT_EQ(launcher.hellos.size(), 2u) << "the same one answers again: that is its launcher";
  EXPECT_EQ(launcher.hellos.back().epoch_seen, Epoch(5));
  ask();
  Pass(1s);
  EXPECT_EQ(launcher.hellos.size(), 2u) << "a stray launcher does not keep it busy";
  EXPECT_EQ(Phase(1), "running");
  Pass(4s);
  launcher.welcome.epoch = Epoch(6);
  ask();
  Pass(1s);
  ASSERT_EQ(launcher.hellos.size(), 3u);
  ask();
  EXPECT_EQ(launcher.answered.back().second->epoch, Epoch(6));
  EXPECT_EQ(Phase(1), "running");
}

TEST_F(Link, AStaleStartOnALivingStreamIsRefusedAndTheStreamClosed) {
  launcher.welcome.epoch = Epoch(5);
  StartAgent();
  PrepareGang(1);
  Say(Start{.epoch = Epoch(4), .id = {}, .job = Key(1).job, .generation = Generation(1)});
  EXPECT_FALSE(keepers.Runs(Key(1)));
  EXPECT_TRUE(Logged("start refused: epoch 4 is over"));
}

TEST_F(Link, AnEpochThatCannotBeRememberedIsNotObeyed) {
  StartAgent();
  launcher.Break("reset");
  launcher.welcome.epoch = Epoch(2);
  files.write_error = Error{ErrorCode::kExhausted, "disk full", ""};
  Pass(1s);
  EXPECT_TRUE(Logged("epoch 2 cannot be remembered: disk full"));
  EXPECT_EQ(launcher.beats.size(), 1u);
  files.write_error.reset();
  Pass(3s);
  EXPECT_GT(launcher.beats.size(), 1u);
}

TEST_F(Link, AFinalRejectionEndsTheAgentWithItsReason) {
  launcher.rejection = Rejected{.why = "protocol 1 is too old, update this agent", .final = true};
  StartAgent();
  EXPECT_TRUE(agent->Ended());
  EXPECT_EQ(agent->ended_why(), "protocol 1 is too old, update this agent");
}

TEST_F(Link, ARejectionThatMayPassIsTriedAgain) {
  launcher.rejection = Rejected{.why = "another agent calls itself n1", .final = false};
  StartAgent();
  EXPECT_FALSE(agent->Ended());
  EXPECT_TRUE(Logged("rejected by the launcher: another agent calls itself n1"));
  launcher.rejection.reset();
  Pass(3s);
  EXPECT_FALSE(launcher.beats.empty());
}

TEST_F(Link, CommandsBeforeTheWelcomeAreIgnored) {
  launcher.rejection = Rejected{.why = "wait", .final = false};
  StartAgent();
  Give(LinkMessage{Prepare{.epoch = Epoch(1), .id = {}, .gang = Spec(1)}});
  EXPECT_TRUE(keepers.keepers.empty());
}

}  // namespace
}  // namespace everstep
