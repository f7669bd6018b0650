#include "tests/launcher/daemon/loop_rig.h"

namespace everstep {
namespace {

TEST_F(Loop, ASubmitIsAcknowledgedOnlyOnceItIsDurable) {
  Do(ApiCall{7, Training()});
  EXPECT_TRUE(replies.all.empty());
  Sync();
  ASSERT_EQ(replies.all.size(), 1u);
  EXPECT_EQ(std::get<Submitted>(*replies.all[0].reply).job, JobId("train-1"));
}

TEST_F(Loop, TheSameSubmitAgainGivesTheSameJob) {
  Do(ApiCall{7, Training()});
  Do(ApiCall{8, Training()});
  Sync();
  ASSERT_EQ(replies.all.size(), 2u);
  EXPECT_EQ(std::get<Submitted>(*replies.all[1].reply).job, JobId("train-1"));
  EXPECT_EQ(loop->world().state.jobs.size(), 1u);
}

TEST_F(Loop, OnANearlyFullDiskNewJobsAreRefusedAndARepeatedSubmitStillGetsItsJob) {
  Do(ApiCall{7, Training()});
  Sync();
  Do(Durable{disk.end, true});
  Do(ApiCall{8, Training()});
  SubmitJob another = Training();
  another.request_id = "r2";
  Do(ApiCall{9, another});
  ASSERT_EQ(replies.all.size(), 3u);
  EXPECT_EQ(std::get<Submitted>(*replies.all[1].reply).job, JobId("train-1"));
  EXPECT_EQ(replies.all[2].reply.error().code, ErrorCode::kExhausted);
  EXPECT_EQ(loop->world().state.jobs.size(), 1u);
  Do(Durable{disk.end, false});
  Do(ApiCall{10, another});
  EXPECT_EQ(loop->world().state.jobs.size(), 2u);
}

TEST_F(Loop, AGangPreparesAndStartsOnlyWhenThePlanIsDurable) {
  Connect(n1, 1);
  Do(ApiCall{7, Training()});
  EXPECT_TRUE(SentTo<Prepare>(1).empty()) << "the plan is not on disk yet";
  Sync();
  ASSERT_EQ(SentTo<Prepare>(1).size(), 1u);
  EXPECT_EQ(SentTo<Prepare>(1)[0].epoch, Epoch(1));
  SaysGang(1, GangPhase::prepared);
  EXPECT_TRUE(SentTo<Start>(1).empty());
  Sync();
  EXPECT_EQ(SentTo<Start>(1).size(), 1u);
}

TEST_F(Loop, ACommandThatIsNotObeyedIsSentAgainAndOneOnItsWayIsNot) {
  Connect(n1, 1);
  Do(ApiCall{7, Training()});
  Sync();
  Says(1, Report{.seq = Sequence(1)});
  Sync();
  EXPECT_EQ(SentTo<Prepare>(1).size(), 1u);
  for (int i = 0; i < 4; ++i) {
    Says(1, Beat{.seq = Sequence(static_cast<std::uint64_t>(i) + 1), .incarnation = Incarnation(1)});
    Wait(300ms);
  }
  EXPECT_EQ(SentTo<Prepare>(1).size(), 2u);
}

TEST_F(Loop, AStopDoesNotWaitForTheDisk) {
  Connect(n1, 1);
  Do(ApiCall{7, Training()});
  Sync();
  SaysGang(1, GangPhase::prepared);
  Sync();
  SaysGang(1, GangPhase::running, {{.rank = 0, .pid = 12}});
  Do(ApiCall{8, CancelJob{.job = JobId("train-1"), .by = "ann@desk"}});
  EXPECT_EQ(SentTo<Stop>(1).size(), 1u);
  EXPECT_EQ(replies.all.size(), 1u) << "but the answer to the person does";
  Sync();
  EXPECT_EQ(replies.all.size(), 2u);
}

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

TEST_F(Loop, ASilentHostThatAnswersForALaterEpochTellsAnIdleLauncherThatItIsSuperseded) {
  Connect(n1, 1);
  Wait(2s);  // silent: it is asked
  ASSERT_FALSE(links.dialed.empty());
  const auto& [node, ping] = links.dialed.back();
  const auto answer = [&](std::uint64_t epoch) {
    Do(DialAnswer{.node = n1,
                  .nonce = ping.nonce,
                  .finding = PeerFinding::alive,
                  .pong = Pong{.nonce = ping.nonce, .node = n1, .boot = BootId("boot"), .epoch = Epoch(epoch)}});
    Sync();
    Do(ApiCall{epoch, Training()});
    Sync();
  };
  answer(1);
  EXPECT_TRUE(replies.all.back().reply) << "its own epoch";
  answer(700);
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
                  .pong = Pong{.node = n1, .boot = BootId("boot"), .launcher_silent = launcher_silent, .epoch = Epoch(1)}});
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

TEST_F(Loop, AReplayedLauncherStandsWhereTheOldOneStood) {
  Connect(n1, 1);
  Do(ApiCall{7, Training()});
  Sync();
  const std::string before = EncodeState(loop->world().state);
  Recovered recovered{.epoch = Epoch(1), .first = LogIndex(1), .entries = disk.entries, .last_write = clock.Wall()};
  LauncherLoop again(options, "0.1.0", {clock, links, replies, disk, hooks, [](std::string_view, const std::string&) {}},
                     Rng(1));
  State replayed;
  for (const std::string& bytes : recovered.entries) Apply(replayed, *DecodeEntry(bytes));
  EXPECT_EQ(EncodeState(replayed), before);
}

TEST_F(Loop, AWallClockThatIsSetChangesNothingThatIsDecided) {
  Connect(n1, 1);
  Do(ApiCall{7, Training()});
  Sync();
  const auto phase = [&] { return loop->world().state.jobs.at(JobId("train-1")).phase; };
  SaysGang(1, GangPhase::prepared);
  Sync();
  ASSERT_EQ(phase(), JobPhase::running);
  for (const Duration step : {Duration(-24h * 365), Duration(24h * 365)}) {
    clock.stepped = step;
    for (int beat = 1; beat <= 20; ++beat) {
      Wait(500ms);
      Says(1, Beat{.seq = Sequence(static_cast<std::uint64_t>(beat) + (step > 0s ? 20 : 0)),
                   .incarnation = Incarnation(1),
                   .agent = TagOf("1", BootId("boot"))});
    }
    EXPECT_EQ(phase(), JobPhase::running);
    EXPECT_TRUE(loop->world().state.nodes.at(n1).member);
  }
}

TEST_F(Loop, AWallClockThatWasSetWhileNoLauncherRanMovesLogTimeByAnHourAtMostAndNeverBack) {
  const Time begin = loop->world().state.now;
  const WallTime last = clock.Wall();
  for (const Duration step : {Duration(-24h * 365), Duration(24h * 365)}) {
    clock.stepped = step;
    Boot({.epoch = Epoch(1), .entries = disk.entries, .last_write = last}, Epoch(2));
    EXPECT_EQ(loop->world().state.now - begin, step < 0s ? Duration(0) : Duration(1h));
    disk.entries.resize(1);
    disk.end = LogIndex(1);
  }
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

TEST_F(Loop, AFenceHookThatASlowDiskHeldUpDoesNotSwitchOffAHostThatIsBack) {
  options.fence_command = {"/usr/local/sbin/power-off-host"};
  disk.entries.clear();
  disk.end = LogIndex(0);
  Boot({}, Epoch(1));
  for (const bool back : {false, true}) {
    hooks.ran.clear();
    Connect(n1, back ? 2 : 1);
    Wait(6s);
    Do(ApiCall{7, ConfirmDead{n1, "operator"}});
    EXPECT_TRUE(hooks.ran.empty()) << "not before its intent is durable";
    if (back) Do(SessionOpened{SessionId(3), "ipv4:test", HelloFrom(n1, 2)});
    Sync();
    EXPECT_EQ(hooks.ran.size(), back ? 0u : 1u);
    EXPECT_EQ(lines.back() == "fence hook for n1 not run: it has come back before the disk took note", back) << lines.back();
    Do(FenceDone{.node = n1, .boot = BootId("boot"), .off = false, .why = "exit code 1"});
    Sync();
  }
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

TEST_F(Loop, CheckpointsOfLongAgoDoNotPushOutTheNewest) {
  Connect(n1, 1);
  Do(ApiCall{1, Training()});
  Sync();
  SaysGang(1, GangPhase::prepared);
  Sync();
  const auto tell = [this](std::uint64_t first, std::uint64_t last) {
    for (std::uint64_t step = first; step <= last; ++step)
      Says(1, Report{.seq = Sequence(++report_seq),
                     .gangs = {GangStatus{.job = JobId("train-1"), .generation = Generation(1), .phase = GangPhase::running}},
                     .checkpoints = {{.job = JobId("train-1"),
                                      .generation = Generation(1),
                                      .source = Cat("step-", step, ".pt"),
                                      .step = step,
                                      .complete = true,
                                      .path = Cat("/pins/", step),
                                      .why = "whole"}}});
    Sync();
  };
  tell(1, 40);
  tell(1, 24);  // an agent that starts again looks through the whole directory
  const JobState& job = loop->world().state.jobs.at(JobId("train-1"));
  ASSERT_EQ(job.checkpoints.size(), 16u);
  EXPECT_EQ(job.checkpoints.front().seen.step, 25u);
  EXPECT_EQ(job.checkpoints.back().seen.step, 40u);
}

TEST_F(Loop, ADrainIsAcknowledgedOnceItIsDurableAndAMistakeInTheNameIsToldWithTheNamesThereAre) {
  Connect(n1, 1);
  Connect(n2, 2);
  Do(ApiCall{7, DrainNode{.node = NodeId("n9"), .reason = "fan", .by = "ann@login1"}});
  ASSERT_FALSE(replies.all.empty());
  ASSERT_FALSE(replies.all.back().reply);
  EXPECT_EQ(replies.all.back().reply.error().Str(), "there is no host \"n9\"; known: n1 and n2; `everstep nodes` lists them");
  replies.all.clear();
  Do(ApiCall{8, DrainNode{.node = n1, .reason = "fan", .by = "ann@login1"}});
  EXPECT_TRUE(replies.all.empty()) << "not durable yet";
  Sync();
  ASSERT_EQ(replies.all.size(), 1u);
  EXPECT_EQ(std::get<Accepted>(*replies.all.back().reply).why, "n1 is drained by ann@login1: fan; it has no work");
  Do(ApiCall{9, GetNode{.node = n1}});
  EXPECT_EQ(std::get<NodesReply>(*replies.all.back().reply).nodes.front().phase, NodePhase::drained);
  Do(ApiCall{10, UndrainNode{.node = n1, .by = "ann@login1"}});
  Sync();
  EXPECT_EQ(std::get<Accepted>(*replies.all.back().reply).why, "n1 may be given work again: undrained by ann@login1");
  Do(ApiCall{11, UndrainNode{.node = n1}});
  EXPECT_EQ(std::get<Accepted>(*replies.all.back().reply).why, "n1 is not drained");
}

TEST_F(Loop, IncidentsOfAnUnknownJobOrHostAreAnErrorAndOfAKnownOneAList) {
  Connect(n1, 1);
  Do(ApiCall{7, ListIncidents{.job = JobId("none")}});
  EXPECT_EQ(replies.all.back().reply.error().code, ErrorCode::kNotFound);
  Do(ApiCall{8, ListIncidents{.node = n2}});
  EXPECT_EQ(replies.all.back().reply.error().code, ErrorCode::kNotFound);
  Do(ApiCall{9, Training()});
  Sync();
  SaysGang(1, GangPhase::prepared);
  Sync();
  SaysGang(1, GangPhase::empty, {{.rank = 0, .pid = 9, .exit = RankExit{.code = 3, .tail = "ValueError: boom"}}});
  Sync();
  Do(ApiCall{10, ListIncidents{.job = JobId("train")}});
  const auto& incidents = std::get<IncidentsReply>(*replies.all.back().reply).incidents;
  ASSERT_EQ(incidents.size(), 1u);
  EXPECT_EQ(incidents.front().cause, "rank 0 on n1 exited with code 3: ValueError: boom");
}

TEST_F(Loop, AWatcherSeesEveryChangeAndTheEnd) {
  Connect(n1, 1);
  Do(ApiCall{7, Training()});
  Sync();
  Do(ApiCall{9, GetJob{.job = JobId("train"), .watch = true}});
  SaysGang(1, GangPhase::prepared);
  Sync();
  SaysGang(1, GangPhase::empty, {{.rank = 0, .pid = 12, .exit = RankExit{.code = 0}}});
  Sync();
  std::vector<std::string> phases;
  for (const auto& one : replies.all)
    if (one.token == 9) phases.emplace_back(Name(std::get<JobReply>(*one.reply).job.phase));
  EXPECT_EQ(Join(phases), "preparing, running, done");
  EXPECT_TRUE(replies.all.back().last);
}

TEST_F(Loop, FollowersOfEventsMissNothingBetweenThePastAndTheNews) {
  Do(ApiCall{5, ListEvents{.follow = true}});
  Connect(n1, 1);  // before the past was read
  const HistoryRow past{.index = LogIndex(1), .kind = "launcher_started", .why = "past"};
  Do(HistoryRead{5, std::vector{past}});
  Connect(n2, 2);
  std::vector<std::string> whys;
  for (const auto& one : replies.all)
    for (const EventView& event : std::get<EventsReply>(*one.reply).events) whys.push_back(event.why);
  EXPECT_EQ(Join(whys), "past, n1 joined from n1:7470, n2 joined from n2:7470");
}

TEST_F(Loop, AStoreThatFailsEndsTheProcessWithWords) {
  Do(StoreFailed{{ErrorCode::kIo, "fsync: Input/output error", ""}});
  EXPECT_TRUE(loop->Ended());
  EXPECT_EQ(loop->fatal(), "the log cannot be written: fsync: Input/output error");
}

}  // namespace
}  // namespace everstep
