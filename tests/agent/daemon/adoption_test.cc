// An agent dies, its keepers do not; the next agent takes over.
#include "tests/agent/daemon/story.h"

namespace everstep {
namespace {

using Adoption = Story;

TEST_F(Adoption, TheNextAgentFindsTheGangAndTheJobNeverNotices) {
  TrainingHost();
  KillAgent();
  Pass(1s);
  EXPECT_TRUE(keepers.Runs(Key(1)));
  slow_files.watched.clear();
  StartAgent();
  ASSERT_EQ(launcher.hellos.size(), 2u);
  const Hello& hello = launcher.hellos.back();
  EXPECT_EQ(hello.incarnation, Incarnation(2));
  ASSERT_EQ(hello.report.gangs.size(), 1u);
  EXPECT_EQ(hello.report.gangs[0].phase, GangPhase::running);
  EXPECT_EQ(hello.report.gangs[0].ranks.size(), 2u);
  EXPECT_TRUE(slow_files.watched.contains(Key(1))) << "what to watch was remembered";
  Pass(10s);
  EXPECT_EQ(Phase(1), "running") << "its lease is pushed on";
  StopGang(1, 0s);
  EXPECT_EQ(Phase(1), "empty");
}

TEST_F(Adoption, ExitsInBetweenAreToldByTheNextAgent) {
  TrainingHost();
  KillAgent();
  keepers.RankExits(Key(1), 0, 7);
  keepers.RankExits(Key(1), 1, 0);
  keepers.KeeperDies(Key(1));
  StartAgent();
  ASSERT_EQ(Phase(1), "empty");
  EXPECT_EQ(Reported(1)->ranks.at(0).exit->code, 7u);
  EXPECT_EQ(slow_files.unwatched.size(), 1u) << "a save may have ended in between: a last look";
  ForgetGang(1);
  EXPECT_TRUE(keepers.discarded.contains(Key(1)));
}

TEST_F(Adoption, TheFirstHelloWaitsForWhatTheKeepersSay) {
  TrainingHost();
  KillAgent();
  keepers.holds_its_tongue = true;
  StartAgent();
  Pass(AgentLoop::kAdoptionMax / 2);
  EXPECT_EQ(launcher.opens, 1) << "only that of the agent before";
  keepers.holds_its_tongue = false;
  keepers.Speak(Key(1));
  Pass(10ms);
  ASSERT_EQ(launcher.hellos.size(), 2u);
  EXPECT_EQ(launcher.hellos.back().report.gangs.at(0).phase, GangPhase::running);
}

TEST_F(Adoption, AKeeperThatSaysNothingDelaysTheHelloForASecondAndIsNotCalledGone) {
  TrainingHost();
  KillAgent();
  keepers.holds_its_tongue = true;
  StartAgent();
  Pass(AgentLoop::kAdoptionMax);
  ASSERT_EQ(launcher.hellos.size(), 2u);
  EXPECT_EQ(Phase(1), "running");
  EXPECT_EQ(Why(1), "found after a restart of the agent; its keeper has not answered yet");
}

TEST_F(Adoption, AKeeperThatSpeaksLateGetsTheLeaseAtOnce) {
  TrainingHost();
  KillAgent();
  keepers.holds_its_tongue = true;
  StartAgent();
  Pass(2s);
  keepers.sent.clear();
  keepers.holds_its_tongue = false;
  keepers.Speak(Key(1));
  Give(KeeperEvent{.gang = Key(1), .kind = KeeperEventKind::up, .status = keepers.keepers.at(Key(1)).status, .why = ""});
  ASSERT_FALSE(SentToKeeper<KeeperLease>(1).empty());
  EXPECT_GT(SentToKeeper<KeeperLease>(1).at(0).until, now + 3s);
}

TEST_F(Adoption, AGangThatWasOnlyPreparedIsPreparedAgain) {
  StartAgent();
  PrepareGang(1);
  KillAgent();
  StartAgent();
  EXPECT_TRUE(launcher.hellos.back().report.gangs.empty());
  PrepareGang(1);
  EXPECT_EQ(Phase(1), "prepared");
  StartGang(1);
  EXPECT_EQ(Phase(1), "running");
}

TEST_F(Adoption, AStartThatDidNotReachTheKeeperIsNotMadeUpFor) {
  // The agent dies between writing that it starts and telling the keeper.
  StartAgent();
  PrepareGang(1);
  const auto keeper = keepers.keepers.at(Key(1));
  StartGang(1);
  KillAgent();
  keepers.keepers.at(Key(1)) = keeper;
  StartAgent();
  EXPECT_EQ(Phase(1), "absent");
  PrepareGang(1);
  StartGang(1);
  EXPECT_FALSE(keepers.Runs(Key(1))) << "a generation starts once: the launcher makes a new one";
}

TEST_F(Adoption, TheHighestEpochIsRememberedAcrossARestart) {
  launcher.welcome.epoch = Epoch(7);
  StartAgent();
  KillAgent();
  StartAgent();
  EXPECT_EQ(launcher.hellos.back().epoch_seen, Epoch(7));
  EXPECT_EQ(launcher.hellos.back().index_seen, LogIndex(1));
}

TEST_F(Adoption, AGenerationThatIsOverIsRefusedAfterARestartToo) {
  TrainingHost();
  PrepareGang(2);
  StartGang(2);
  KillAgent();
  StartAgent();
  ForgetGang(1);
  PrepareGang(1);
  EXPECT_EQ(Phase(1), "absent");
  PrepareGang(3);
  EXPECT_EQ(Phase(2), "empty") << "an adopted generation makes way as any other";
  EXPECT_EQ(Phase(3), "prepared");
}

TEST_F(Adoption, AnAdoptedGangThatCannotBeKilledIsALeftover) {
  TrainingHost();
  keepers.keepers.at(Key(1)).killable = false;
  KillAgent();
  StartAgent();
  PrepareGang(2);
  Pass(Gang::kLeftoversWait);
  EXPECT_EQ(Reported(2)->refusal, Refusal::leftovers);
}

TEST_F(Adoption, AKeeperThatDiedWithRanksLeftIsNeverCalledEmpty) {
  TrainingHost();
  KillAgent();
  keepers.KeeperDies(Key(1));
  StartAgent();
  EXPECT_EQ(Phase(1), "stopping");
  EXPECT_EQ(Why(1), "its keeper ended without seeing its processes gone: ended");
  ForgetGang(1);
  EXPECT_EQ(Phase(1), "stopping");
}

TEST_F(Adoption, AfterARebootNothingIsLeftToAdopt) {
  TrainingHost();
  KillAgent();
  keepers.keepers.clear();
  setup.boot = BootId("boot-b");
  now = AtNanoseconds(0) + 10s;  // the boot clock begins again
  StartAgent();
  EXPECT_TRUE(launcher.hellos.back().report.gangs.empty());
  EXPECT_EQ(launcher.hellos.back().boot, BootId("boot-b"));
  PrepareGang(1);
  EXPECT_EQ(Phase(1), "absent") << "what ran once does not run again, reboot or not";
}

TEST_F(Adoption, WithoutALauncherTheNextAgentStillKeepsTheGangsAlive) {
  TrainingHost();
  PeersAreAll({.finding = PeerFinding::alive, .launcher_silent = true});
  launcher.reachable = false;
  KillAgent();
  Pass(500ms);
  StartAgent();
  Pass(30s);
  EXPECT_TRUE(keepers.Runs(Key(1))) << "the membership was remembered, the peers are there";
}

TEST_F(Adoption, AMemoryThatSomebodyElseWroteStopsTheAgent) {
  files.files["/state/memory.json"] = R"({"epoch":"five"})";
  StartAgent();
  ASSERT_FALSE(begun);
  EXPECT_EQ(begun.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(begun.error().message.find("/state/memory.json: epoch"), std::string::npos) << begun.error().message;
}

TEST_F(Adoption, AnAgentThatCannotSeeWhatRunsHereDoesNotStart) {
  TrainingHost();
  KillAgent();
  keepers.adopt_error = Error{ErrorCode::kExhausted, "cannot list /state/gangs: Too many open files", ""};
  StartAgent();
  ASSERT_FALSE(begun);
  EXPECT_EQ(begun.error().message, "what runs on this host is not known: cannot list /state/gangs: Too many open files");
  EXPECT_EQ(launcher.opens, 1) << "only that of the agent before";
}

TEST_F(Adoption, AStateDirectoryThatCannotBeWrittenStopsTheAgent) {
  files.write_error = Error{ErrorCode::kIo, "cannot write /state/memory.json: Read-only file system", ""};
  StartAgent();
  ASSERT_FALSE(begun);
  EXPECT_EQ(launcher.opens, 0);
}

}  // namespace
}  // namespace everstep
