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

}  // namespace
}  // namespace everstep
