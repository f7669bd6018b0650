#include "collectives/core/stripe.h"

#include <gtest/gtest.h>

#include <vector>

namespace everstep {
namespace {

constexpr std::size_t kMiB = 1 << 20;

// Bytes by rail.
std::vector<std::size_t> Dealt(std::size_t message, const Stripes& stripes, std::size_t round = 0) {
  std::vector<std::size_t> dealt(stripes.rails);
  const std::size_t piece = PieceBytes(message, stripes);
  for (std::size_t done = 0, k = 0; done < message; done += piece, ++k)
    dealt[RailOf(0, 1, round, k, stripes.rails)] += std::min(piece, message - done);
  return dealt;
}

TEST(Stripe, OverOneRailAMessageIsCutIntoChunksAsIfThereWereNoRails) {
  EXPECT_EQ(PieceBytes(9 * kMiB, {.rails = 1, .chunk_bytes = 4 * kMiB}), 4 * kMiB);
  EXPECT_EQ(PieceBytes(8, {.rails = 1, .chunk_bytes = 4 * kMiB}), 4 * kMiB);
}

TEST(Stripe, EveryRailCarriesTheSameButForACacheLineAPiece) {
  for (const std::uint32_t rails : {2u, 3u, 4u, 8u})
    for (const std::size_t message : {kMiB * 2, kMiB * 4, kMiB * 12, kMiB * 13 + 7, kMiB * 64}) {
      const Stripes stripes{.rails = rails, .chunk_bytes = 4 * kMiB, .split_bytes = 64 << 10};
      const std::vector<std::size_t> dealt = Dealt(message, stripes);
      const auto [least, most] = std::minmax_element(dealt.begin(), dealt.end());
      EXPECT_LE(*most - *least, 64u * 8 * 17) << rails << " rails, " << message;
      EXPECT_LE(PieceBytes(message, stripes), stripes.chunk_bytes);
      EXPECT_EQ(PieceBytes(message, stripes) % 64, 0u) << "cache lines are not shared";
    }
}

TEST(Stripe, WhatIsTooSmallToBeCutGoesWholeAndEachRoundByAnotherRail) {
  const Stripes stripes{.rails = 2, .chunk_bytes = 4 * kMiB, .split_bytes = 64 << 10};
  EXPECT_GE(PieceBytes((128 << 10) - 1, stripes), 128u << 10);
  EXPECT_EQ(PieceBytes(128 << 10, stripes), 64u << 10);
  EXPECT_NE(Dealt(1000, stripes, 0), Dealt(1000, stripes, 1));
  // Both ends know it.
  EXPECT_EQ(RailOf(3, 5, 1, 2, 4), RailOf(5, 3, 1, 2, 4));
}

}  // namespace
}  // namespace everstep
