// When an agent leaves its launcher because another one is said to live.
#include "agent/core/rumour.h"

#include <gtest/gtest.h>

namespace everstep {
namespace {

const Time kNow = AtNanoseconds(0) + 1h;

TEST(Rumour, OfTheSameOrAnEarlierEpochIsNone) {
  Rumour rumour;
  EXPECT_FALSE(rumour.Leave(kNow, Epoch(3), Epoch(3)));
  EXPECT_FALSE(rumour.Leave(kNow, Epoch(3), Epoch(2)));
  EXPECT_FALSE(rumour.Leave(kNow, Epoch(3), Epoch(0))) << "an agent that counts its peers asks for no launcher";
}

TEST(Rumour, OfALaterEpochIsFollowedAtOnceAndThenAfterGrowingPauses) {
  Rumour rumour;
  Time now = kNow;
  std::vector<std::int64_t> pauses;
  for (Time last = now; now < kNow + 1h; now += 1s)
    if (rumour.Leave(now, Epoch(3), Epoch(4))) {
      pauses.push_back((now - last) / 1s);
      last = now;
    }
  EXPECT_EQ(pauses, (std::vector<std::int64_t>{0, 5, 10, 20, 40, 80, 160, 320, 600, 600, 600, 600}));
}

TEST(Rumour, OfAnEvenLaterEpochIsNewsAndOfAnEarlierStrayIsNot) {
  Rumour rumour;
  EXPECT_TRUE(rumour.Leave(kNow, Epoch(3), Epoch(4)));
  EXPECT_TRUE(rumour.Leave(kNow + 1s, Epoch(3), Epoch(9)));
  EXPECT_FALSE(rumour.Leave(kNow + 2s, Epoch(3), Epoch(4)));
  EXPECT_FALSE(rumour.Leave(kNow + 3s, Epoch(9), Epoch(9))) << "it is obeyed by now";
}

}  // namespace
}  // namespace everstep
