// The launcher's loop over recorded rims: what goes out, when, and what waits for the disk.
#include "tests/launcher/daemon/loop_fixture.h"

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

TEST_F(Loop, ABeatIsAnsweredAtOnceAndAsksForAReportWhenTheHashDiffers) {
  Connect(n1, 1);
  const Hello hello = HelloFrom(n1);
  Says(1,
       Beat{.seq = Sequence(1), .incarnation = Incarnation(1), .sent = AtNanoseconds(42), .state_hash = HashOf(hello.report)});
  Says(1, Beat{.seq = Sequence(2), .incarnation = Incarnation(1), .sent = AtNanoseconds(43), .state_hash = 1});
  const auto acks = SentTo<BeatAck>(1);
  ASSERT_EQ(acks.size(), 2u);
  EXPECT_EQ(acks[0].sent, AtNanoseconds(42));
  EXPECT_TRUE(acks[0].wall) << "for who compares clocks";
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

// Its time limit passes meanwhile: that deadline is 50 s old when the new launcher begins, and no host was silent for it.
TEST_F(Loop, WhatCameDueWhileNoLauncherRanIsNoLatenessOfTheNextOne) {
  SubmitJob submit = Training();
  submit.spec.time_limit = 10s;
  Connect(n1, 1);
  Do(ApiCall{7, submit});
  Sync();
  SaysGang(1, GangPhase::prepared);
  Sync();
  SaysGang(1, GangPhase::running);
  Sync();
  const Recovered recovered{.epoch = Epoch(1), .first = LogIndex(1), .entries = disk.entries, .last_write = clock.Wall()};
  clock.now += 60s;
  Boot(recovered, Epoch(2));
  Wait(2s);
  EXPECT_EQ(loop->world().hosts.at(n1).pulse, Pulse::suspect);
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
    Do(HookDone{.node = n1, .boot = BootId("boot"), .off = false, .why = "exit code 1"});
    Sync();
  }
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

// A loop that stood still reads in one go what the ranks told of meanwhile: what it has not read yet is no silence of theirs.
TEST_F(Loop, StepsThatWaitInTheQueueAreNoHang) {
  Connect(n1, 1);
  SubmitJob submit = Training();
  submit.spec.progress.hang_after = 5s;
  Do(ApiCall{7, submit});
  Sync();
  const auto report = [this](GangPhase phase, std::optional<std::uint64_t> step) {
    GangStatus gang{.job = JobId("train-1"), .generation = Generation(1), .phase = phase};
    if (phase == GangPhase::running) gang.ranks = {{.rank = 0, .pid = 12}};
    if (step) gang.progress = Progress{.step = *step};
    return SessionMessage{SessionId(1), Report{.seq = Sequence(++report_seq), .gangs = {gang}}};
  };
  Do(report(GangPhase::prepared, {}));
  Sync();
  Do(report(GangPhase::running, 1));
  Sync();
  ASSERT_TRUE(SentTo<Stop>(1).empty());
  SubmitJob other = Training();
  other.request_id = "r2";
  clock.now += 20s;
  // The first has all jobs looked at, before the second is read.
  loop->HandleAll(clock.now, {ApiCall{9, other}, report(GangPhase::running, 2)});
  EXPECT_TRUE(SentTo<Stop>(1).empty());
  // And what still lies in the sockets has not been read either.
  clock.now += 20s;
  loop->Tick(clock.now);
  EXPECT_TRUE(SentTo<Stop>(1).empty());
}

TEST_F(Loop, ADrillIsOnRecordBeforeItsHostIsToldAndIsToldOnce) {
  Connect(n1, 1);
  Do(ApiCall{7, Training()});
  Sync();
  SaysGang(1, GangPhase::prepared);
  Sync();
  SaysGang(1, GangPhase::running, {{.rank = 0, .pid = 12}});
  Sync();
  Do(ApiCall{
      8,
      InjectFault{.job = JobId("train-1"), .generation = Generation(1), .kind = FaultKind::freeze, .lasts = 20s, .by = "ann"}});
  EXPECT_TRUE(SentTo<Inject>(1).empty()) << "not durable yet";
  Sync();
  ASSERT_EQ(SentTo<Inject>(1).size(), 1u);
  EXPECT_EQ(SentTo<Inject>(1)[0].lasts, 20s);
  EXPECT_EQ(std::get<Accepted>(*replies.all.back().reply).why, "a drill of ann: n1 freezes for 20 s");
  Wait(5s);
  EXPECT_EQ(SentTo<Inject>(1).size(), 1u) << "what may have been done is not repeated";
  Do(ApiCall{9, InjectFault{.job = JobId("train-1"), .generation = Generation(2), .kind = FaultKind::freeze, .lasts = 20s}});
  EXPECT_EQ(replies.all.back().reply.error().code, ErrorCode::kConflict);
}

TEST_F(Loop, ADrillOnTheLauncherIsOnRecordWhenItDies) {
  Do(ApiCall{8, KillLauncher{.by = "ann"}});
  EXPECT_EQ(deaths, 0);
  Sync();
  EXPECT_EQ(deaths, 1);
  EXPECT_EQ(lines.back(), "a drill of ann: the launcher is killed");
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
