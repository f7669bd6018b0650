#include "collectives/core/stuck.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace everstep {
namespace {

StuckWait Waits(std::uint32_t rank, std::uint32_t peer, std::uint32_t rail, std::uint64_t round = 0, bool sends = false) {
  const std::string nic = Cat("rail ", rail, " (eth", rail, ")");
  return {.rank = rank,
          .round = round,
          .peer = peer,
          .sends = sends,
          .nic_here = nic,
          .nic_there = nic,
          .down = {},
          .how = Cat("rank ", rank, " waits for rank ", peer)};
}
StuckWait Sends(std::uint32_t rank, std::uint32_t peer, std::uint32_t rail, std::uint64_t round = 0) {
  return Waits(rank, peer, rail, round, true);
}

std::string Text(const std::vector<StuckWait>& waits) {
  return StuckText(waits, [](std::uint32_t rank) { return Cat("rank ", rank); });
}

TEST(Stuck, InARingTheRankWhoseNicIsAnEndOfAllThatIsNotExplainedIsNamedWithTheNic) {
  EXPECT_EQ(
      Text({Waits(0, 3, 1, 1), Waits(1, 0, 1, 2), Waits(2, 1, 1), Waits(3, 2, 1)}),
      "rank 2's rail 1 (eth1) is at one end of 2 of 2 waits that nothing else explains; the first: rank 2 waits for rank 1");
}

// Rank 3 has rank 2's data, but its answer was lost: it is a round further, and waits for rank 2 no less than rank 2 for it.
TEST(Stuck, WhoHasGoneOnStillCounts) {
  EXPECT_EQ(
      Text({Waits(0, 3, 1, 7), Waits(1, 0, 1, 8), Sends(2, 3, 1, 6), Sends(3, 0, 1, 7)}),
      "rank 3's rail 1 (eth1) is at one end of 3 of 3 waits that nothing else explains; the first: rank 2 waits for rank 3");
}

TEST(Stuck, ASendBehindAPeerThatIsTwoRoundsBackIsExplained) {
  EXPECT_EQ(Text({Sends(3, 4, 1, 32), Waits(4, 3, 0, 33), Sends(2, 3, 1, 34), Waits(5, 4, 1, 34)}), "rank 3 waits for rank 4");
}

TEST(Stuck, ANicThatItsOwnHostSaysIsDownIsAtFaultWhateverTheWaitsSay) {
  std::vector<StuckWait> waits = {Sends(3, 4, 1, 32), Waits(4, 3, 0, 33)};
  waits[0].down = "rail 1 (eth1)";
  EXPECT_EQ(Text(waits), "rank 3's rail 1 (eth1) has no link; the first wait: rank 3 waits for rank 4");
}

TEST(Stuck, TwoWhoWaitForEachOtherAreBothAtFaultOrNeither) {
  EXPECT_EQ(Text({Waits(0, 1, 1), Waits(1, 0, 1)}), "rank 0 waits for rank 1");
}

TEST(Stuck, OfThreeWhoWaitInACircleNobodyIsNamed) {
  EXPECT_EQ(Text({Waits(0, 1, 1), Waits(1, 2, 1), Waits(2, 0, 1)}), "rank 0 waits for rank 1");
}

TEST(Stuck, WaitsOverOtherRailsDoNotCount) { EXPECT_EQ(Text({Waits(0, 1, 0), Waits(1, 2, 1)}), "rank 0 waits for rank 1"); }

TEST(Stuck, WhereNobodyKnowsForWhomTheFirstIsQuoted) {
  StuckWait late = Waits(1, 0, 0, 3), early = Waits(0, 1, 0, 2);
  late.peer = early.peer = std::nullopt;
  early.how = "early";
  EXPECT_EQ(Text({late, early}), "early");
}

TEST(Stuck, TravelsAsText) {
  StuckWait wait = Sends(2, 1, 1, 70'000'000'000);
  wait.down = "rail 0 (eth0)";
  const auto back = UnpackStuck(PackStuck(wait));
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(PackStuck(*back), PackStuck(wait));
  EXPECT_EQ(back->peer, 1u);
  EXPECT_EQ(back->round, 70'000'000'000u);
  EXPECT_EQ(back->how, wait.how);
  EXPECT_FALSE(UnpackStuck("anything").has_value());
}

}  // namespace
}  // namespace everstep
