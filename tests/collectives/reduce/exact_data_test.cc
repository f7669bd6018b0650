#include "collectives/reduce/exact_data.h"

#include <gtest/gtest.h>

#include <algorithm>
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

void ExpectExact(DataType type, ReduceOperation operation, std::uint32_t ranks) {
  const std::string what = std::string(Name(operation)) + " of " + std::string(Name(type)) + " of " + std::to_string(ranks);
  const ExactData data(type, operation, ranks, 5);
  const ReduceKernel reduce = ReduceKernelFor(type, operation, BestInstructionSet());
  std::vector<std::byte> up = Given(data, 0), down = Given(data, ranks - 1);
  for (std::uint32_t rank = 1; rank < ranks; ++rank) {
    reduce(up.data(), Given(data, rank).data(), kCount);
    reduce(down.data(), Given(data, ranks - 1 - rank).data(), kCount);
  }
  EXPECT_EQ(up, down) << what;
  EXPECT_FALSE(data.Compare(up.data(), Everybody(ranks), 0, kCount).has_value()) << what;
  if (operation == ReduceOperation::avg) Divide(type, up.data(), kCount, ranks);
  EXPECT_FALSE(data.Compare(up.data(), Everybody(ranks), 0, kCount, ExactData::Stage::at_the_end).has_value()) << what;
}

TEST(ExactData, ResultsAreExactInEveryTypeAndOrderHoweverManyRanksThereAre) {
  for (std::size_t type = 0; type < NamesOf(DataType{}).size(); ++type)
    for (std::size_t operation = 0; operation < NamesOf(ReduceOperation{}).size(); ++operation)
      for (const std::uint32_t ranks : {1u, 3u, 64u, 300u, 1000u})
        if (ranks <= ExactData::RanksMost(static_cast<DataType>(type), static_cast<ReduceOperation>(operation)))
          ExpectExact(static_cast<DataType>(type), static_cast<ReduceOperation>(operation), ranks);
}

// A check that finds nothing where a rank's part is missing is none.
TEST(ExactData, ARankWhosePartIsMissingShows) {
  for (std::size_t type = 0; type < NamesOf(DataType{}).size(); ++type)
    for (std::size_t operation = 0; operation < NamesOf(ReduceOperation{}).size(); ++operation)
      for (const std::uint32_t ranks : {2u, 3u, 8u}) {
        const ExactData data(static_cast<DataType>(type), static_cast<ReduceOperation>(operation), ranks, 5);
        std::vector<std::byte> without = Given(data, 0);
        for (std::uint32_t rank = 1; rank + 1 < ranks; ++rank)
          ReduceKernelFor(data.type(), static_cast<ReduceOperation>(operation), InstructionSet::scalar)(
              without.data(), Given(data, rank).data(), kCount);
        EXPECT_TRUE(data.Compare(without.data(), Everybody(ranks), 0, kCount).has_value())
            << Name(static_cast<ReduceOperation>(operation)) << " of " << Name(data.type()) << " of " << ranks;
      }
}

template <class T>
std::vector<T> FirstOf(DataType type, ReduceOperation operation) {
  std::vector<T> values(kCount);
  ExactData(type, operation, 3, 5).Fill(values.data(), 0, 0, kCount);
  return values;
}

TEST(ExactData, LargestAndSmallestAreLookedForAmongNegativeOnesOrSuchWithTheHighestBitSet) {
  const auto small = FirstOf<std::int8_t>(DataType::i8, ReduceOperation::max);
  EXPECT_LT(*std::min_element(small.begin(), small.end()), -100);
  EXPECT_GT(*std::max_element(small.begin(), small.end()), 100);
  const auto large = FirstOf<std::uint64_t>(DataType::u64, ReduceOperation::min);
  EXPECT_GT(*std::max_element(large.begin(), large.end()), std::uint64_t{1} << 63);
  const auto real = FirstOf<float>(DataType::f32, ReduceOperation::min);
  EXPECT_LT(*std::min_element(real.begin(), real.end()), -1000);
}

// 49 * (1 / 49) is not 1, neither in single precision nor in double.
TEST(ExactData, AveragesAreExactAlsoForWhoMultipliesByTheReciprocalFirst) {
  for (const std::uint32_t ranks : {2u, 3u, 5u, 7u, 49u, 60u}) {
    const ExactData data(DataType::f32, ReduceOperation::avg, ranks, 5);
    std::vector<float> sum(kCount), one(kCount);
    for (std::uint32_t rank = 0; rank < ranks; ++rank) {
      data.Fill(one.data(), rank, 0, kCount);
      for (std::size_t i = 0; i < kCount; ++i) sum[i] += one[i] * static_cast<float>(1.0 / ranks);
    }
    EXPECT_FALSE(data.Compare(sum.data(), Everybody(ranks), 0, kCount, ExactData::Stage::at_the_end).has_value()) << ranks;
    EXPECT_GT(*std::max_element(sum.begin(), sum.end()), 1) << ranks;
  }
}

TEST(ExactData, OneTurnedBitAndAnotherPlaceAndAnotherRankAndAnotherRunAreWrong) {
  const ExactData data(DataType::f32, ReduceOperation::sum, 4, 5);
  std::vector<std::byte> bytes = Given(data, 2);
  EXPECT_FALSE(data.Compare(bytes.data(), {2}, 0, kCount).has_value());
  EXPECT_TRUE(data.Compare(bytes.data(), {1}, 0, kCount).has_value());
  EXPECT_TRUE(data.Compare(bytes.data(), {2}, 1024, kCount).has_value()) << "a block that landed elsewhere";
  EXPECT_TRUE(ExactData(DataType::f32, ReduceOperation::sum, 4, 6).Compare(bytes.data(), {2}, 0, kCount).has_value());
  bytes[4 * 4321] ^= std::byte{1};
  const auto wrong = data.Compare(bytes.data(), {2}, 0, kCount);
  ASSERT_TRUE(wrong.has_value());
  EXPECT_EQ(wrong->at, 4321u);
  EXPECT_EQ(wrong->elements, 1u);
  EXPECT_NE(wrong->got, wrong->expected);
}

TEST(ExactData, ARangeMayBeginAnywhere) {
  const ExactData data(DataType::i64, ReduceOperation::sum, 2, 9);
  const std::vector<std::byte> whole = Given(data, 1), part = Given(data, 1, 100);
  EXPECT_TRUE(std::equal(part.begin(), part.end() - 100 * 8, whole.begin() + 100 * 8));
  EXPECT_FALSE(data.Compare(part.data(), {1}, 100, kCount).has_value());
}

}  // namespace
}  // namespace everstep
