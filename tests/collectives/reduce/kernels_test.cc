#include "collectives/reduce/kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "base/rng.h"
#include "collectives/reduce/scalar.h"

namespace everstep {
namespace {

struct Case {
  DataType type{};
  ReduceOperation operation{};
  InstructionSet set{};
};
constexpr ReduceOperation kOperations[] = {ReduceOperation::sum, ReduceOperation::prod, ReduceOperation::max,
                                           ReduceOperation::min};

// All vector kernels that this machine can run.
std::vector<Case> VectorCases() {
  std::vector<Case> cases;
  for (std::size_t set = 1; set <= static_cast<std::size_t>(BestInstructionSet()); ++set)
    for (std::size_t type = 0; type < NamesOf(DataType{}).size(); ++type)
      for (const ReduceOperation operation : kOperations)
        cases.push_back({static_cast<DataType>(type), operation, static_cast<InstructionSet>(set)});
  return cases;
}

bool IsNan(DataType type, std::uint64_t bits) {
  switch (type) {
    case DataType::f32: return std::isnan(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
    case DataType::f64: return std::isnan(std::bit_cast<double>(bits));
    case DataType::f16: return (bits & 0x7fffu) > 0x7c00u;
    case DataType::bf16: return (bits & 0x7fffu) > 0x7f80u;
    default: return false;
  }
}

std::uint64_t ElementAt(const std::vector<std::byte>& bytes, std::size_t index, std::size_t size) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, bytes.data() + index * size, size);
  return bits;
}

// What this kernel makes of `a` and `b` holds the bits of the scalar ones. Which NaN comes of two is nobody's promise.
void ExpectSame(const Case& one, const std::vector<std::byte>& a, const std::vector<std::byte>& b, std::size_t offset,
                std::size_t count) {
  const std::size_t size = SizeOf(one.type);
  std::vector<std::byte> expected = a, got = a;
  ReduceKernelFor(one.type, one.operation, InstructionSet::scalar)(expected.data() + offset, b.data() + offset, count);
  ReduceKernelFor(one.type, one.operation, one.set)(got.data() + offset, b.data() + offset, count);
  if (expected == got) return;
  for (std::size_t i = 0; i < count; ++i) {
    std::uint64_t want = 0, have = 0;
    std::memcpy(&want, expected.data() + offset + i * size, size);
    std::memcpy(&have, got.data() + offset + i * size, size);
    if (IsNan(one.type, want) && IsNan(one.type, have)) continue;
    ASSERT_EQ(want, have) << Name(one.operation) << " " << Name(one.type) << " " << Name(one.set) << ", element " << i << " of "
                          << count << " from byte " << offset << ": " << ElementAt(a, i, size) << " and "
                          << ElementAt(b, i, size);
  }
  const std::size_t end = offset + count * size;
  ASSERT_EQ(std::memcmp(expected.data() + end, got.data() + end, got.size() - end), 0) << "writes past the end";
}

std::vector<std::byte> RandomBytes(std::uint64_t seed, std::size_t count) {
  Rng rng(seed);
  std::vector<std::byte> bytes(count);
  for (std::byte& one : bytes) one = static_cast<std::byte>(rng.Next());
  return bytes;
}

class VectorKernels : public testing::TestWithParam<Case> {};

TEST_P(VectorKernels, GiveTheBitsOfTheScalarOnesForAnyBits) {
  for (std::uint64_t seed = 0; seed < 20; ++seed)
    ExpectSame(GetParam(), RandomBytes(seed, 1 << 16), RandomBytes(seed + 100, 1 << 16), 0,
               (1 << 16) / SizeOf(GetParam().type));
}

TEST_P(VectorKernels, TakeAnyLengthAndAnyByteToBeginAt) {
  const std::vector<std::byte> a = RandomBytes(1, 2048), b = RandomBytes(2, 2048);
  for (std::size_t count = 0; count <= 150; ++count)
    for (const std::size_t offset : {0u, 1u, 2u, 7u, 32u}) ExpectSame(GetParam(), a, b, offset, count);
}

// Every half and every bfloat16 against values around which rounding turns.
TEST_P(VectorKernels, RoundEverySixteenBitNumberAsTheScalarOnesDo) {
  if (SizeOf(GetParam().type) != 2) return;
  std::vector<std::byte> all(2 * 65536), other(2 * 65536);
  for (std::uint32_t bits = 0; bits < 65536; ++bits) std::memcpy(all.data() + 2 * bits, &bits, 2);
  for (const std::uint16_t value :
       {0x0000, 0x8000, 0x0001, 0x03ff, 0x0400, 0x3c00, 0x3c01, 0x7bff, 0xfbff, 0x7c00, 0x7f7f, 0x7f80, 0xff7f, 0x1234}) {
    for (std::uint32_t i = 0; i < 65536; ++i) std::memcpy(other.data() + 2 * i, &value, 2);
    ExpectSame(GetParam(), all, other, 0, 65536);
  }
}

INSTANTIATE_TEST_SUITE_P(Reduce, VectorKernels, testing::ValuesIn(VectorCases()), [](const auto& one) {
  return std::string(Name(one.param.operation)) + "_" + std::string(Name(one.param.type)) + "_" +
         std::string(Name(one.param.set));
});
// A CPU without vector units has none to test.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(VectorKernels);

TEST(Scalar, AHalfHoldsItsValueBothWays) {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const Half half{static_cast<std::uint16_t>(bits)};
    if (IsNan(DataType::f16, bits)) {
      EXPECT_TRUE(std::isnan(ToFloat(half)));
      continue;
    }
    EXPECT_EQ(ToHalf(ToFloat(half)).bits, bits);
  }
  EXPECT_EQ(ToFloat(Half{0x3c00}), 1.0f);
  EXPECT_EQ(ToFloat(Half{0x0001}), 0x1p-24f);
  EXPECT_EQ(ToFloat(Half{0x7bff}), 65504.0f);
}

TEST(Scalar, RoundsToNearestAndTiesToEven) {
  struct Row {
    float value;
    std::uint16_t half;
    std::uint16_t bfloat;
  };
  for (const Row& row :
       {Row{1.0f + 0x1p-11f, 0x3c00, 0x3f80}, Row{1.0f + 0x1.8p-10f, 0x3c02, 0x3f80}, Row{1.0f + 0x1p-8f, 0x3c04, 0x3f80},
        Row{1.0f + 0x1.8p-7f, 0x3c0c, 0x3f82}, Row{65519.0f, 0x7bff, 0x4780}, Row{65520.0f, 0x7c00, 0x4780},
        Row{0x1p-25f, 0x0000, 0x3300}, Row{0x1.8p-25f, 0x0001, 0x3340}, Row{-0x1p-15f, 0x8200, 0xb800}}) {
    EXPECT_EQ(ToHalf(row.value).bits, row.half) << row.value;
    EXPECT_EQ(ToBFloat16(row.value).bits, row.bfloat) << row.value;
  }
  EXPECT_EQ(ToBFloat16(INFINITY).bits, 0x7f80);
  EXPECT_TRUE(std::isnan(ToFloat(ToBFloat16(NAN))));
}

TEST(Scalar, SumsOfIntegersWrapAround) {
  std::int32_t a = 2147483647;
  const std::int32_t b = 1;
  ReduceKernelFor(DataType::i32, ReduceOperation::sum, InstructionSet::scalar)(&a, &b, 1);
  EXPECT_EQ(a, -2147483647 - 1);
}

// Of two elements of a type.
template <class T>
T Made(DataType type, ReduceOperation operation, T a, T b) {
  ReduceKernelFor(type, operation, InstructionSet::scalar)(&a, &b, 1);
  return a;
}

TEST(Scalar, SmallIntegersWrapAndHaveASignOrNone) {
  using enum ReduceOperation;
  EXPECT_EQ(Made(DataType::i8, sum, std::int8_t{100}, std::int8_t{100}), -56);
  EXPECT_EQ(Made(DataType::i8, prod, std::int8_t{-3}, std::int8_t{50}), 106);
  EXPECT_EQ(Made(DataType::i8, max, std::int8_t{-3}, std::int8_t{2}), 2);
  EXPECT_EQ(Made(DataType::u8, max, std::uint8_t{0xfd}, std::uint8_t{2}), 0xfd);
  EXPECT_EQ(Made(DataType::u8, min, std::uint8_t{0xfd}, std::uint8_t{2}), 2);
  EXPECT_EQ(Made(DataType::u32, min, 0xffffffffu, 1u), 1u);
  EXPECT_EQ(Made(DataType::i32, min, -1, 1), -1);
  EXPECT_EQ(Made(DataType::u64, max, std::uint64_t{1} << 63, std::uint64_t{1}), std::uint64_t{1} << 63);
  EXPECT_EQ(Made(DataType::f64, prod, 0.5, -3.0), -1.5);
  EXPECT_EQ(ToFloat(Made(DataType::f16, prod, ToHalf(3), ToHalf(-5))), -15);
  EXPECT_EQ(ToFloat(Made(DataType::bf16, min, ToBFloat16(3), ToBFloat16(-5))), -5);
}

TEST(Scalar, AQuotientOfIntegersIsCutOffAndADivisorIsNot) {
  std::int8_t small[] = {-100, 99, 127};
  Divide(DataType::i8, small, 3, 200);
  EXPECT_EQ(small[0], 0);
  Divide(DataType::i8, small, 3, 1);
  std::int8_t by_two[] = {-101, 99, 127};
  Divide(DataType::i8, by_two, 3, 2);
  EXPECT_EQ(std::vector<int>(by_two, by_two + 3), (std::vector{-50, 49, 63}));
  std::uint64_t large = ~std::uint64_t{0};
  Divide(DataType::u64, &large, 1, 3);
  EXPECT_EQ(large, ~std::uint64_t{0} / 3);
  BFloat16 brain = ToBFloat16(96);
  Divide(DataType::bf16, &brain, 1, 3);
  EXPECT_EQ(ToFloat(brain), 32);
}

TEST(DataTypes, HaveNcclTestsNames) {
  EXPECT_EQ(DataTypeNamed("float"), DataType::f32);
  EXPECT_EQ(DataTypeNamed("bfloat16"), DataType::bf16);
  EXPECT_EQ(DataTypeNamed("uint8"), DataType::u8);
  EXPECT_EQ(DataTypeNamed("f32"), std::nullopt);
}

}  // namespace
}  // namespace everstep
