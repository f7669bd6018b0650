// The life of gangs on one host, as the launcher sees it.
#include "tests/agent/daemon/story.h"

namespace everstep {
namespace {

using GangLife = Story;

TEST_F(GangLife, AGangIsPreparedStartedAndEndsAndIsForgotten) {
  StartAgent();
  PrepareGang(1);
  EXPECT_EQ(Phase(1), "prepared");
  EXPECT_TRUE(SentToKeeper<KeeperStart>(1).empty());
  StartGang(1);
  EXPECT_EQ(Phase(1), "running");
  EXPECT_EQ(SentToKeeper<KeeperStart>(1).at(0).ranks.at(1).argv.back(), "--rank=1");
  keepers.RankExits(Key(1), 0, 0);
  keepers.RankExits(Key(1), 1, 3);
  Pass(10ms);
  ASSERT_EQ(Phase(1), "empty");
  EXPECT_EQ(Reported(1)->ranks.at(1).exit->code, 3u);
  EXPECT_EQ(keepers.Alive(), 0u) << "an empty gang needs no keeper";
  ForgetGang(1);
  EXPECT_EQ(Phase(1), "absent");
  EXPECT_TRUE(keepers.discarded.contains(Key(1)));
}

TEST_F(GangLife, ADrillIsDoneOnceToWhatRuns) {
  StartAgent();
  PrepareGang(1);
  const auto drill = [this](FaultKind kind) {
    Say(Inject{.epoch = epoch(), .job = Key(1).job, .generation = Key(1).generation, .kind = kind, .rank = 1, .lasts = 20s});
  };
  drill(FaultKind::freeze);
  EXPECT_TRUE(keepers.injected.empty()) << "nothing runs yet";
  ASSERT_EQ(launcher.drills_refused.size(), 1u);
  EXPECT_EQ(launcher.drills_refused[0].why, "it does not run here");
  StartGang(1);
  drill(FaultKind::freeze);
  ASSERT_EQ(keepers.injected.size(), 1u);
  EXPECT_EQ(keepers.injected[0].first, Key(1));
  EXPECT_EQ(keepers.injected[0].second.kind, FaultKind::freeze);
  EXPECT_EQ(keepers.injected[0].second.lasts, 20s);
}

TEST_F(GangLife, ARankIsKilledOnceHalfACheckpointIsThere) {
  StartAgent();
  PrepareGang(1);
  StartGang(1);
  Say(Inject{
      .epoch = epoch(), .job = Key(1).job, .generation = Key(1).generation, .kind = FaultKind::checkpoint_torn, .rank = 1});
  EXPECT_EQ(slow_files.torn, std::vector<GangKey>{Key(1)});
  EXPECT_TRUE(keepers.injected.empty());
  Give(CheckpointTorn{.gang = Key(1), .rank = 1, .why_not = "no checkpoint is there yet"});
  EXPECT_TRUE(keepers.injected.empty());
  EXPECT_EQ(launcher.drills_refused.back().why, "no checkpoint is there yet");
  Give(CheckpointTorn{.gang = Key(1), .rank = 1});
  ASSERT_EQ(keepers.injected.size(), 1u);
  EXPECT_EQ(keepers.injected[0].second.kind, FaultKind::rank_kill);
}

TEST_F(GangLife, TheMemoryNeverOutgrowsWhatTheNextAgentCanRead) {
  StartAgent();
  const auto prepare = [this](int number) {
    GangSpec spec = Spec(1);
    spec.job = JobId(Cat("long-", number));
    spec.checkpoint = CheckpointSpec{.dir = "/" + std::string(8000, 'x')};
    Say(Prepare{.epoch = epoch(), .id = {}, .gang = spec});
  };
  for (int number = 0; number < 200; ++number) prepare(number);
  Pass(1s);
  EXPECT_LT(files.files.at("/state/memory.json").size(), 1u << 20);
  std::size_t prepared = 0, refused = 0;
  std::string why;
  for (const GangStatus& gang : launcher.reports.back().gangs) {
    prepared += gang.phase == GangPhase::prepared;
    refused += gang.phase == GangPhase::refused;
    if (gang.phase == GangPhase::refused) why = gang.why;
  }
  EXPECT_TRUE(why.starts_with("what this host has to remember would be ")) << why;
  EXPECT_EQ(prepared + refused, 200u);
  EXPECT_GT(prepared, 100u);
  EXPECT_GT(refused, 0u);
}

TEST_F(GangLife, CommandsGivenTwiceChangeNothing) {
  TrainingHost();
  PrepareGang(1);
  StartGang(1);
  Pass(2s);
  EXPECT_EQ(Phase(1), "running");
  EXPECT_EQ(SentToKeeper<KeeperStart>(1).size(), 1u);
  EXPECT_EQ(slow_files.checked.size(), 1u);
  StopGang(1, 0s);
  StopGang(1, 0s);
  ForgetGang(1);
  ForgetGang(1);
  EXPECT_EQ(Phase(1), "absent");
}

TEST_F(GangLife, AStartBeforeItIsPreparedIsIgnoredAndObeyedWhenSentAgain) {
  StartAgent();
  StartGang(1);
  EXPECT_TRUE(Logged("train-1.1: not started: it was not prepared here"));
  slow_files.hung = true;
  PrepareGang(1);
  StartGang(1);
  EXPECT_TRUE(SentToKeeper<KeeperStart>(1).empty());
  Give(GangChecked{.gang = Key(1), .readied = Readied{.program = "/usr/bin/python3"}, .not_readied = {}});
  StartGang(1);
  EXPECT_EQ(Phase(1), "running");
}

TEST_F(GangLife, AStopAsksNicelyAndThenNotAndASecondOneOnlyShortens) {
  TrainingHost();
  keepers.keepers.at(Key(1)).ends_on_term = false;
  StopGang(1, 60s);
  EXPECT_EQ(Phase(1), "stopping");
  EXPECT_EQ(Why(1), "cancelled: SIGTERM, SIGKILL after 1 min");
  Pass(5s);
  StopGang(1, 60s);
  EXPECT_EQ(SentToKeeper<KeeperStop>(1).size(), 1u);
  StopGang(1, 1s);
  EXPECT_EQ(SentToKeeper<KeeperStop>(1).size(), 2u);
  EXPECT_EQ(Phase(1), "stopping");
  Pass(1s);
  EXPECT_EQ(Phase(1), "empty");
  EXPECT_TRUE(Reported(1)->ranks.at(0).exit->stopped_by_us);
}

TEST_F(GangLife, APreparedGangThatIsStoppedLeavesNothing) {
  StartAgent();
  PrepareGang(1);
  StopGang(1, 60s);
  EXPECT_EQ(Phase(1), "empty");
  EXPECT_EQ(keepers.Alive(), 0u);
}

TEST_F(GangLife, AForgetOfALivingGangIsIgnored) {
  TrainingHost();
  ForgetGang(1);
  EXPECT_EQ(Phase(1), "running");
  EXPECT_TRUE(Logged("not forgotten: it is running"));
}

TEST_F(GangLife, ALatePrepareAndStartOfWhatWasRefusedAndForgottenBringNothingBack) {
  StartAgent();
  slow_files.refusal = NotReadied{.refusal = Refusal::host, .why = "workdir /srv/run1: no such directory"};
  PrepareGang(4);
  ASSERT_EQ(Phase(4), "refused");
  ForgetGang(4);
  Pass(1s);
  ASSERT_EQ(Phase(4), "absent") << "the launcher goes on with generation 5, on other hosts";
  slow_files.refusal.reset();
  PrepareGang(4);
  StartGang(4);
  EXPECT_EQ(Phase(4), "absent");
  EXPECT_FALSE(keepers.Runs(Key(4)));
  EXPECT_TRUE(Logged("train-1.4: not prepared: generation 4 is over: it was forgotten here"));
}

TEST_F(GangLife, WhatTheHostLacksIsToldAndNothingRuns) {
  StartAgent();
  slow_files.refusal = NotReadied{.refusal = Refusal::checkpoint, .why = "/ckpt/step-40.pt: size 7, registered as 9"};
  PrepareGang(1);
  EXPECT_EQ(Phase(1), "refused");
  EXPECT_EQ(Reported(1)->refusal, Refusal::checkpoint);
  EXPECT_EQ(Why(1), "/ckpt/step-40.pt: size 7, registered as 9");
  EXPECT_EQ(keepers.Alive(), 0u);
  StartGang(1);
  EXPECT_EQ(Phase(1), "refused");
  ForgetGang(1);
  EXPECT_EQ(Phase(1), "absent");
}

TEST_F(GangLife, WithoutAKeeperTheHostRefuses) {
  StartAgent();
  keepers.launch_error = "everstep-keeper: no such file";
  PrepareGang(1);
  EXPECT_EQ(Reported(1)->refusal, Refusal::host);
  EXPECT_EQ(Why(1), "no keeper: everstep-keeper: no such file");
}

TEST_F(GangLife, AHungFileSystemEndsInARefusal) {
  StartAgent();
  slow_files.hung = true;
  PrepareGang(1);
  Pass(Gang::kChecksWait - 1s);
  EXPECT_EQ(Phase(1), "preparing");
  Pass(1s);
  EXPECT_EQ(Reported(1)->refusal, Refusal::host);
}

// ---- generations ---------------------------------------------------------------------------------------------------------

TEST_F(GangLife, ANewGenerationKillsTheOldOneAndWaitsUntilItIsSeenGone) {
  TrainingHost();
  keepers.keepers.at(Key(1)).killable = false;
  PrepareGang(2);
  EXPECT_EQ(Phase(1), "stopping");
  EXPECT_EQ(SentToKeeper<KeeperStop>(1).at(0).grace, Duration(0));
  EXPECT_EQ(Phase(2), "preparing");
  EXPECT_EQ(Why(2), "waiting for the end of generation 1 (1 process in D state)");
  StartGang(2);
  EXPECT_FALSE(keepers.keepers.contains(Key(2))) << "no keeper, no check, no rank before the old ones are gone";
  EXPECT_EQ(slow_files.checked.size(), 1u);
  keepers.Thaw(Key(1));
  Pass(10ms);
  EXPECT_EQ(Phase(1), "empty");
  EXPECT_EQ(Phase(2), "prepared");
  StartGang(2);
  EXPECT_EQ(Phase(2), "running");
}

TEST_F(GangLife, LeftoversThatCannotBeKilledAreARefusal) {
  TrainingHost();
  keepers.keepers.at(Key(1)).killable = false;
  PrepareGang(2);
  Pass(Gang::kLeftoversWait);
  EXPECT_EQ(Reported(2)->refusal, Refusal::leftovers);
  EXPECT_EQ(Why(2), "not dead after 10 s: generation 1 (1 process in D state)");
  EXPECT_EQ(Phase(1), "stopping");
}

TEST_F(GangLife, CommandsForAnOlderGenerationAreRefused) {
  TrainingHost();
  PrepareGang(2);
  ForgetGang(1);
  PrepareGang(1);
  EXPECT_EQ(Phase(1), "absent");
  EXPECT_TRUE(Logged("train-1.1: not prepared: generation 1 is over: generation 2 was prepared here"));
  StartGang(1);
  EXPECT_FALSE(keepers.Runs(Key(1)));
}

TEST_F(GangLife, AGenerationThatRanIsNeverStartedAgain) {
  TrainingHost();
  StopGang(1, 0s);
  ForgetGang(1);
  PrepareGang(1);
  StartGang(1);
  EXPECT_EQ(Phase(1), "absent");
  EXPECT_TRUE(Logged("train-1.1: not prepared: generation 1 was started here before"));
}

// ---- memory --------------------------------------------------------------------------------------------------------------

TEST_F(GangLife, WhatIsObeyedIsOnDiskBeforeItIsDone) {
  StartAgent();
  const std::string& memory = files.files.at("/state/memory.json");
  PrepareGang(1);
  EXPECT_NE(memory.find(R"("prepared":1,"started":0)"), std::string::npos) << memory;
  EXPECT_NE(memory.find(R"("watches_checkpoints":true)"), std::string::npos) << memory;
  StartGang(1);
  EXPECT_NE(memory.find(R"("prepared":1,"started":1)"), std::string::npos) << memory;
  for (const auto& [path, text] : files.files)
    EXPECT_EQ(text.find("/secret/place"), std::string::npos) << "values of the environment never go to disk: " << path;
}

TEST_F(GangLife, WhatCannotBeRememberedIsNotDone) {
  StartAgent();
  PrepareGang(1);
  files.write_error = Error{ErrorCode::kExhausted, "disk full", ""};
  StartGang(1);
  EXPECT_FALSE(keepers.Runs(Key(1)));
  EXPECT_EQ(Reported(1)->refusal, Refusal::host);
  EXPECT_EQ(Why(1), "disk full");
  PrepareGang(2);
  EXPECT_EQ(Reported(2)->refusal, Refusal::host);
  EXPECT_FALSE(keepers.keepers.contains(Key(2)));
}

// ---- checkpoints ---------------------------------------------------------------------------------------------------------

TEST_F(GangLife, TheCheckpointDirectoryIsWatchedWhileRanksRun) {
  StartAgent();
  PrepareGang(1);
  EXPECT_TRUE(slow_files.watched.empty());
  StartGang(1);
  EXPECT_EQ(slow_files.watched.at(Key(1)).dir, "/ckpt");
  StopGang(1, 0s);
  EXPECT_TRUE(slow_files.watched.empty());
  EXPECT_EQ(slow_files.unwatched.size(), 1u);
}

TEST_F(GangLife, ACheckpointIsReportedUntilItIsAcknowledged) {
  TrainingHost();
  launcher.acks_reports = false;
  Give(CheckpointFound{.seen = {.job = Key(1).job, .generation = Generation(1), .source = "step-40.pt", .why = "torn"}});
  ASSERT_EQ(launcher.reports.back().checkpoints.size(), 1u);
  const std::size_t told = launcher.reports.size();
  Pass(3s);
  EXPECT_EQ(launcher.reports.size(), told + 3);
  EXPECT_EQ(launcher.reports.back(), launcher.reports[told - 1]) << "the same report, the same number";
  launcher.Break("reset");
  Pass(1s);
  ASSERT_EQ(launcher.hellos.size(), 2u);
  EXPECT_EQ(launcher.hellos.back().report.checkpoints.size(), 1u) << "the next session is told again";
  Say(ReportAck{.epoch = epoch(), .seq = launcher.reports.back().seq, .index = LogIndex(9)});
  Say(BeatAck{.epoch = epoch(), .seq = {}, .sent = {}, .index = {}, .report_wanted = true});
  EXPECT_TRUE(launcher.reports.back().checkpoints.empty());
}

}  // namespace
}  // namespace everstep
