#include "collectives/reduce/exact_data.h"

#include <gtest/gtest.h>

#include <numeric>

#include "base/fields.h"

namespace everstep {
namespace {

constexpr std::size_t kCount = 5000;  // more than a period

std::vector<std::byte> Given(const ExactData& data, std::uint32_t rank, std::uint64_t first = 0) {
  std::vector<std::byte> bytes(kCount * SizeOf(data.type()));
  data.Fill(bytes.data(), rank, first, kCount);
  return bytes;
}

std::vector<std::uint32_t> Everybody(std::uint32_t ranks) {
  std::vector<std::uint32_t> all(ranks);
  std::iota(all.begin(), all.end(), 0);
  return all;
}

TEST(ExactData, SumsAreExactInEveryTypeAndOrderHoweverManyRanksThereAre) {
  for (std::size_t type = 0; type < NamesOf(DataType{}).size(); ++type)
    for (const std::uint32_t ranks : {1u, 3u, 64u, 300u, 1000u}) {
      const ExactData data(static_cast<DataType>(type), ranks, 5);
      const AddKernel add = AddKernelFor(data.type(), BestInstructionSet());
      std::vector<std::byte> up = Given(data, 0), down = Given(data, ranks - 1);
      for (std::uint32_t rank = 1; rank < ranks; ++rank) {
        add(up.data(), Given(data, rank).data(), kCount);
        add(down.data(), Given(data, ranks - 1 - rank).data(), kCount);
      }
      EXPECT_FALSE(data.Compare(up.data(), Everybody(ranks), 0, kCount).has_value()) << Name(data.type()) << " of " << ranks;
      EXPECT_EQ(up, down) << Name(data.type()) << " of " << ranks;
    }
}

TEST(ExactData, OneTurnedBitAndAnotherPlaceAndAnotherRankAndAnotherRunAreWrong) {
  const ExactData data(DataType::f32, 4, 5);
  std::vector<std::byte> bytes = Given(data, 2);
  EXPECT_FALSE(data.Compare(bytes.data(), {2}, 0, kCount).has_value());
  EXPECT_TRUE(data.Compare(bytes.data(), {1}, 0, kCount).has_value());
  EXPECT_TRUE(data.Compare(bytes.data(), {2}, 1024, kCount).has_value()) << "a block that landed elsewhere";
  EXPECT_TRUE(ExactData(DataType::f32, 4, 6).Compare(bytes.data(), {2}, 0, kCount).has_value());
  bytes[4 * 4321] ^= std::byte{1};
  const auto wrong = data.Compare(bytes.data(), {2}, 0, kCount);
  ASSERT_TRUE(wrong.has_value());
  EXPECT_EQ(wrong->at, 4321u);
  EXPECT_EQ(wrong->elements, 1u);
  EXPECT_NE(wrong->got, wrong->expected);
}

TEST(ExactData, ARangeMayBeginAnywhere) {
  const ExactData data(DataType::i64, 2, 9);
  const std::vector<std::byte> whole = Given(data, 1), part = Given(data, 1, 100);
  EXPECT_TRUE(std::equal(part.begin(), part.end() - 100 * 8, whole.begin() + 100 * 8));
  EXPECT_FALSE(data.Compare(part.data(), {1}, 100, kCount).has_value());
}

}  // namespace
}  // namespace everstep
