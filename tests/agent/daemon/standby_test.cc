// Keepers that wait for the next generation, as the host sees them.
#include "tests/agent/daemon/story.h"

namespace everstep {
namespace {

class Standbys : public Story {
 protected:
  Standbys() { warm = {"torch"}; }
  // A gang that trains for long enough that ranks wait for the next generation.
  void WarmHost() {
    TrainingHost();
    Pass(StandbyTable::kAfter);
    ASSERT_TRUE(Waits(2));
  }
  bool Waits(std::uint64_t generation) const {
    const auto found = keepers.keepers.find(Key(generation));
    return found != keepers.keepers.end() && found->second.alive && found->second.standby && !found->second.start;
  }
  void GangFails(std::uint64_t generation) {
    keepers.RankExits(Key(generation), 0, 1);
    keepers.RankExits(Key(generation), 1, 1);
    Pass(10ms);
    ASSERT_EQ(Phase(generation), "empty");
  }
  void ForgetForGood(std::uint64_t generation) {
    Say(Forget{.epoch = epoch(), .id = {}, .job = Key(generation).job, .generation = Generation(generation), .for_good = true});
  }
};

TEST_F(Standbys, ComeOnceTheGangHasRunForAWhileAndAreNoGang) {
  TrainingHost();
  Pass(StandbyTable::kAfter - 10ms);
  EXPECT_FALSE(Waits(2)) << "the job's own start comes first";
  Pass(20ms);
  ASSERT_TRUE(Waits(2));
  const KeeperStandby standby = SentToKeeper<KeeperStandby>(2).at(0);
  EXPECT_EQ(standby.ranks.size(), 2u);
  EXPECT_EQ(standby.ranks.at(1).argv.back(), "torch");
  EXPECT_EQ(Phase(2), "absent") << "the launcher hears of gangs only";
  Pass(60s);
  EXPECT_EQ(SentToKeeper<KeeperStandby>(2).size(), 1u);
}

TEST_F(Standbys, ThereAreNoneWithoutTheUsersWord) {
  warm = {};
  TrainingHost();
  Pass(60s);
  EXPECT_EQ(keepers.keepers.size(), 1u);
}

TEST_F(Standbys, TheNextGenerationStartsInTheKeeperThatWaitedAndThenOthersWait) {
  WarmHost();
  GangFails(1);
  PrepareGang(2);
  EXPECT_EQ(Phase(2), "prepared");
  EXPECT_TRUE(Waits(2)) << "the same keeper, with its ranks";
  StartGang(2);
  EXPECT_EQ(Phase(2), "running");
  EXPECT_FALSE(Waits(3));
  Pass(StandbyTable::kAfter + 10ms);
  EXPECT_TRUE(Waits(3));
}

TEST_F(Standbys, AnotherGenerationThanTheExpectedOneStartsColdAndTheyGo) {
  WarmHost();
  GangFails(1);
  PrepareGang(3);
  EXPECT_FALSE(Waits(2));
  EXPECT_TRUE(keepers.discarded.contains(Key(2)));
  StartGang(3);
  EXPECT_EQ(Phase(3), "running");
}

TEST_F(Standbys, GoWithTheJobAndOtherwiseWaitForAWhile) {
  WarmHost();
  GangFails(1);
  ForgetGang(1);
  Pass(10s);
  EXPECT_TRUE(Waits(2)) << "the launcher may be about to plan";
  Pass(StandbyTable::kPatience);
  EXPECT_FALSE(Waits(2));
  EXPECT_TRUE(keepers.discarded.contains(Key(2)));
}

TEST_F(Standbys, GoAtOnceWhenTheJobHasNoMoreBusinessHere) {
  WarmHost();
  GangFails(1);
  ForgetForGood(1);
  EXPECT_EQ(keepers.Alive(), 0u);
  EXPECT_TRUE(keepers.discarded.contains(Key(2)));
}

TEST_F(Standbys, KeepTheirLeaseAsLongAsTheHostIsHeard) {
  WarmHost();
  Pass(30s);
  EXPECT_GT(keepers.keepers.at(Key(2)).lease, now);
}

TEST_F(Standbys, AGangThatFailsBeforeTheyCameLeavesNoDeadlineBehind) {
  TrainingHost();
  Pass(1s);
  GangFails(1);
  Pass(30s);  // asserts that each tick moves the deadline on
  EXPECT_FALSE(Waits(2));
}

TEST_F(Standbys, AGenerationThatComesWhileTheyAreLeavingStartsOnceTheyAreGone) {
  WarmHost();
  GangFails(1);
  ForgetGang(1);
  keepers.holds_its_tongue = true;
  Pass(StandbyTable::kPatience + 10ms);
  keepers.holds_its_tongue = false;
  PrepareGang(2);
  EXPECT_EQ(Phase(2), "absent") << "the launcher asks again";
  keepers.KeeperDies(Key(2));
  PrepareGang(2);
  StartGang(2);
  EXPECT_EQ(Phase(2), "running");
}

TEST_F(Standbys, AKeeperThatDiesWaitingIsNotReplacedBeforeTheNextGeneration) {
  WarmHost();
  keepers.KeeperDies(Key(2));
  Pass(60s);
  EXPECT_TRUE(keepers.discarded.contains(Key(2)));
  EXPECT_FALSE(Waits(2));
  GangFails(1);
  PrepareGang(2);
  StartGang(2);
  EXPECT_EQ(Phase(2), "running") << "cold";
}

TEST_F(Standbys, AnAgentThatStartsAgainEndsThem) {
  WarmHost();
  KillAgent();
  StartAgent();
  Pass(1s);
  EXPECT_FALSE(Waits(2));
  EXPECT_EQ(Phase(1), "running");
  EXPECT_EQ(Phase(2), "absent");
}

}  // namespace
}  // namespace everstep
