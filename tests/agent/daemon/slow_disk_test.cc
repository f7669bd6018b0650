// The disk takes seconds for a write. Beats go on, the lease is pushed on; what rests on the write waits for it.
#include "tests/agent/daemon/story.h"

namespace everstep {
namespace {

using SlowDisk = Story;

TEST_F(SlowDisk, ANewMembershipDelaysNoBeatAndNoLease) {
  TrainingHost();
  Members(4);
  slow_disk = true;
  Say(launcher.welcome);
  const std::size_t beats = launcher.beats.size();
  Pass(10s);
  EXPECT_GE(launcher.beats.size() - beats, 19u);
  EXPECT_TRUE(keepers.Runs(Key(1)));
  EXPECT_EQ(files.files.at("/state/cluster.json").find("n4"), std::string::npos);
  DiskCatchesUp();
  EXPECT_NE(files.files.at("/state/cluster.json").find("n4"), std::string::npos);
}

TEST_F(SlowDisk, AGangIsPreparedOnceItsRecordIsOnDisk) {
  StartAgent();
  slow_disk = true;
  PrepareGang(1);
  PrepareGang(1);
  Pass(6s);
  EXPECT_EQ(Phase(1), "preparing");
  EXPECT_TRUE(keepers.keepers.empty());
  EXPECT_TRUE(slow_files.checked.empty());
  DiskCatchesUp();
  Pass(10ms);
  EXPECT_EQ(Phase(1), "prepared");
  EXPECT_EQ(slow_files.checked.size(), 1u);
}

TEST_F(SlowDisk, AGangWhoseRecordIsNotTakenIsRefused) {
  StartAgent();
  slow_disk = true;
  PrepareGang(1);
  Pass(Gang::kLeftoversWait + 1s);
  EXPECT_EQ(Phase(1), "refused");
  EXPECT_EQ(Why(1), "the disk did not take its record in 10 s");
  DiskCatchesUp();
  EXPECT_EQ(Phase(1), "refused");
  EXPECT_TRUE(keepers.keepers.empty());
}

TEST_F(SlowDisk, RanksStartOnceTheirStartIsOnDiskAndOnlyOnce) {
  StartAgent();
  PrepareGang(1);
  slow_disk = true;
  StartGang(1);
  StartGang(1);
  Pass(6s);
  EXPECT_TRUE(SentToKeeper<KeeperStart>(1).empty());
  DiskCatchesUp();
  StartGang(1);
  EXPECT_EQ(SentToKeeper<KeeperStart>(1).size(), 1u);
  EXPECT_EQ(Phase(1), "running");
}

TEST_F(SlowDisk, AStopThatComesBeforeTheStartIsOnDiskWins) {
  StartAgent();
  PrepareGang(1);
  slow_disk = true;
  StartGang(1);
  StopGang(1, 0s);
  DiskCatchesUp();
  Pass(10ms);
  EXPECT_EQ(Phase(1), "empty");
  EXPECT_TRUE(SentToKeeper<KeeperStart>(1).empty());
}

TEST_F(SlowDisk, AnAgentKilledBeforeTheStartIsOnDiskHasStartedNothing) {
  StartAgent();
  PrepareGang(1);
  slow_disk = true;
  StartGang(1);
  KillAgent();
  slow_disk = false;
  StartAgent();
  PrepareGang(1);
  StartGang(1);
  EXPECT_EQ(Phase(1), "running") << "the start that was lost never happened: it is given again";
}

TEST_F(SlowDisk, AStartThatCannotBeWrittenDoesNotHappen) {
  StartAgent();
  PrepareGang(1);
  files.write_error = Error{ErrorCode::kIo, "cannot sync /state/memory.json.tmp: Input/output error", ""};
  StartGang(1);
  Pass(10ms);
  EXPECT_EQ(Phase(1), "refused");
  EXPECT_EQ(Why(1), "cannot sync /state/memory.json.tmp: Input/output error");
  EXPECT_TRUE(SentToKeeper<KeeperStart>(1).empty());
}

TEST_F(SlowDisk, AHigherEpochIsObeyedOnceItIsOnDisk) {
  TrainingHost();
  PeersAreAll({.finding = PeerFinding::alive, .launcher_silent = true});
  launcher.Break("reset");
  launcher.welcome.epoch = Epoch(2);
  slow_disk = true;
  Pass(1s);
  ASSERT_EQ(launcher.hellos.size(), 2u);
  StopGang(1, 0s);
  Pass(3s);
  EXPECT_TRUE(SentToKeeper<KeeperStop>(1).empty()) << "a crash now would let epoch 1 command again";
  DiskCatchesUp();
  EXPECT_EQ(SentToKeeper<KeeperStop>(1).size(), 1u);
  EXPECT_TRUE(Logged("obeys epoch 2 from now on"));
}

TEST_F(SlowDisk, AHigherEpochThatCannotBeWrittenIsNotObeyedLaterEither) {
  StartAgent();
  launcher.Break("reset");
  launcher.welcome.epoch = Epoch(2);
  files.write_error = Error{ErrorCode::kIo, "cannot sync", ""};
  Pass(3s);
  EXPECT_FALSE(Logged("obeys epoch 2"));
  EXPECT_TRUE(Logged("epoch 2 cannot be remembered: cannot sync"));
  files.write_error.reset();
  Pass(10s);
  EXPECT_TRUE(Logged("obeys epoch 2 from now on"));
}

}  // namespace
}  // namespace everstep
