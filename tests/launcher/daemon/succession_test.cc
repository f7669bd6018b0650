// One launcher after another: whose log it is, who leads, and what one does that must not decide any more.
#include "tests/launcher/daemon/loop_fixture.h"

namespace everstep {
namespace {

TEST_F(Loop, AnAgentThatObeyedAHigherEpochStopsThisLauncherFromDeciding) {
  Hello hello = HelloFrom(n1);
  hello.epoch_seen = Epoch(9);
  Do(SessionOpened{SessionId(1), "ipv4:test", hello});
  Do(ApiCall{7, Training()});
  ASSERT_EQ(replies.all.size(), 1u);
  ASSERT_FALSE(replies.all[0].reply);
  EXPECT_EQ(replies.all[0].reply.error().message,
            "n1 has obeyed epoch 9, this launcher is only epoch 1: another launcher has taken over, or this log is an old "
            "copy; nothing is decided here any more");
}

TEST_F(Loop, ASupersededLauncherAcknowledgesNoBeatAndTakesNobodyIn) {
  Connect(n1, 1);
  Says(1, Beat{.seq = Sequence(1), .incarnation = Incarnation(1), .agent = TagOf("1", BootId("boot"))});
  ASSERT_EQ(SentTo<BeatAck>(1).size(), 1u);
  Hello hello = HelloFrom(n2);
  hello.epoch_seen = Epoch(9);
  Do(SessionOpened{SessionId(2), "ipv4:test", hello});
  Says(1, Beat{.seq = Sequence(2), .incarnation = Incarnation(1), .agent = TagOf("1", BootId("boot"))});
  EXPECT_EQ(SentTo<BeatAck>(1).size(), 1u) << "n1's gangs must not live on by its word";
  EXPECT_EQ(links.closed, (std::vector{SessionId(1), SessionId(2)}));
  Connect(n1, 3);
  EXPECT_TRUE(SentTo<Welcome>(3).empty());
  ASSERT_EQ(SentTo<Rejected>(3).size(), 1u);
  EXPECT_EQ(SentTo<Rejected>(3)[0].why, "a launcher of epoch 9 has taken over from this one");
  EXPECT_FALSE(SentTo<Rejected>(3)[0].final);
}

TEST_F(Loop, ASilentHostThatAnswersForALaterEpochTellsAnIdleLauncherThatItIsSuperseded) {
  Connect(n1, 1);
  Wait(2s);  // silent: it is asked
  ASSERT_FALSE(links.dialed.empty());
  const auto& [node, ping] = links.dialed.back();
  const auto answer = [&](std::uint64_t epoch, const std::string& state_id) {
    Do(DialAnswer{.node = n1,
                  .nonce = ping.nonce,
                  .finding = PeerFinding::alive,
                  .pong = Pong{.nonce = ping.nonce,
                               .node = n1,
                               .boot = BootId("boot"),
                               .beat = {.agent = TagOf(state_id, BootId("boot"))},
                               .epoch = Epoch(epoch)}});
    Sync();
    Do(ApiCall{epoch, Training()});
    Sync();
  };
  answer(1, "1");
  EXPECT_TRUE(replies.all.back().reply) << "its own epoch";
  answer(700, "another directory");
  EXPECT_TRUE(replies.all.back().reply) << "the agent of another cluster has its name and address";
  answer(700, "1");
  ASSERT_FALSE(replies.all.back().reply);
  EXPECT_EQ(replies.all.back().reply.error().message,
            "n1 has obeyed epoch 700, this launcher is only epoch 1: another launcher has taken over, or this log is an old "
            "copy; nothing is decided here any more");
}

TEST_F(Loop, AHostThatFollowsAnEarlierLauncherIsWarnedOfOnce) {
  Connect(n1, 1);
  Boot({.epoch = Epoch(1), .entries = disk.entries, .last_write = clock.Wall()}, Epoch(2));
  const auto answers = [&](bool launcher_silent) {
    Do(DialAnswer{.node = n1,
                  .pong = Pong{.node = n1,
                               .boot = BootId("boot"),
                               .beat = {.agent = TagOf("1", BootId("boot"))},
                               .launcher_silent = launcher_silent,
                               .epoch = Epoch(1)}});
  };
  const std::string warning =
      "n1 lives and follows a launcher of epoch 1, this one is epoch 2: two launchers run, end one of them";
  answers(false);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), warning), 0) << "it may be on its way here";
  Wait(options.return_grace);
  answers(true);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), warning), 0) << "it follows nobody";
  answers(false);
  answers(false);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), warning), 1);
}

TEST_F(Loop, TwoLaunchersThatBeginOnCopiesOfOneLogHaveEpochsOfTheirOwn) {
  Rng rng(1);
  EXPECT_EQ(NextEpoch({}, rng), Epoch(1)) << "a new log";
  const Recovered copy{.epoch = Epoch(41)};
  std::set<Epoch> drawn;
  for (int i = 0; i < 20; ++i) drawn.insert(NextEpoch(copy, rng));
  EXPECT_GT(drawn.size(), 15u);
  EXPECT_GT(*drawn.begin(), Epoch(41));
  EXPECT_LE(*drawn.rbegin(), Epoch(41 + kEpochsApart));
}

TEST_F(Loop, ALogThatLostItsTailIsNoticedThroughTheAgents) {
  Hello hello = HelloFrom(n1);
  hello.index_seen = LogIndex(1000);
  Do(SessionOpened{SessionId(1), "ipv4:test", hello});
  Do(ApiCall{7, Training()});
  ASSERT_FALSE(replies.all.at(0).reply);
}

TEST_F(Loop, AHaltOutlivesRestartsUntilAnOperatorClearsIt) {
  Hello hello = HelloFrom(n1);
  hello.index_seen = LogIndex(2);  // told by an earlier launcher; what this one has written itself does not count
  Do(SessionOpened{SessionId(1), "ipv4:test", hello});
  Sync();
  const Recovered log{.epoch = Epoch(1), .entries = disk.entries, .last_write = clock.Wall()};
  Boot(log, Epoch(2));
  Do(ApiCall{7, Training()});
  ASSERT_FALSE(replies.all.empty()) << "refused at once, not once it is durable";
  ASSERT_FALSE(replies.all.back().reply);
  EXPECT_EQ(
      replies.all.back().reply.error().message,
      "n1 was told of log entry 2, this log ended at 0: the log lost its tail (restored backup?); nothing is decided here any "
      "more");
  options.clear_halt = true;
  Boot({.epoch = Epoch(2), .entries = disk.entries, .last_write = clock.Wall()}, Epoch(3));
  Do(ApiCall{8, Training()});
  Sync();
  EXPECT_TRUE(replies.all.back().reply);
}

TEST_F(Loop, AnEntryOrASnapshotOfANewerVersionIsRefusedWithWordsBeforeAnythingIsWritten) {
  const Recovered newer[] = {
      {.epoch = Epoch(1), .first = LogIndex(1), .entries = {R"({"at":1,"wall":1,"fact":{"job_teleported":{}}})"}},
      {.epoch = Epoch(1), .snapshot = Snapshot{LogIndex(7), R"({"teleports":[]})"}, .first = LogIndex(8)}};
  const std::string_view named[] = {"log entry 1: ", "the snapshot of entry 7: "};
  const std::size_t written = disk.entries.size();
  for (const std::size_t i : {0u, 1u}) {
    LauncherLoop again(options, "0.1.0", {clock, links, replies, disk, hooks, [](std::string_view, const std::string&) {}},
                       Rng(1));
    const Status status = again.Replay(newer[i]);
    ASSERT_FALSE(status);
    EXPECT_TRUE(status.error().message.starts_with(named[i])) << status.error().Str();
    EXPECT_NE(status.error().Str().find("written by another version of everstep-launcher"), std::string::npos);
  }
  EXPECT_EQ(disk.entries.size(), written);
}

}  // namespace
}  // namespace everstep
