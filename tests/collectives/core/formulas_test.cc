#include "collectives/core/formulas.h"

#include <gtest/gtest.h>

namespace everstep {
namespace {

TEST(Formulas, BusBandwidthIsWhatALinkCarriesWhateverTheNumberOfRanks) {
  struct Row {
    Collective collective;
    std::uint32_t ranks;
    double factor;
  };
  for (const Row& row :
       {Row{Collective::all_reduce, 1, 0}, Row{Collective::all_reduce, 2, 1}, Row{Collective::all_reduce, 3, 4.0 / 3},
        Row{Collective::all_reduce, 8, 1.75}, Row{Collective::all_reduce, 16, 1.875}, Row{Collective::reduce_scatter, 2, 0.5},
        Row{Collective::all_gather, 8, 0.875}, Row{Collective::all_to_all, 1, 0}, Row{Collective::all_to_all, 4, 0.75}})
    EXPECT_DOUBLE_EQ(BusFactor(row.collective, row.ranks), row.factor) << Name(row.collective) << " " << row.ranks;
  const Bandwidth bandwidth = BandwidthOf(Collective::all_reduce, 4, 3'000'000, 0.001);
  EXPECT_DOUBLE_EQ(bandwidth.algorithm_bytes_per_second, 3e9);
  EXPECT_DOUBLE_EQ(bandwidth.bus_bytes_per_second, 4.5e9);
}

TEST(Formulas, AllButAllReduceUseAsManyElementsAsGiveEachRankTheSame) {
  EXPECT_EQ(ShapeOf(Collective::all_reduce, 3, 1000, 4).count, 250u);
  EXPECT_EQ(ShapeOf(Collective::all_reduce, 3, 1003, 4).bytes, 1000u);
  const Shape share = ShapeOf(Collective::all_gather, 3, 1024, 4);  // 85 floats a rank, of which 84 are whole 16 bytes
  EXPECT_EQ(share.count, 84u);
  EXPECT_EQ(share.bytes, 3u * 84 * 4);
  EXPECT_EQ(ShapeOf(Collective::all_to_all, 8, 64, 4).count, 0u) << "below 16 bytes a rank";
  EXPECT_EQ(ShapeOf(Collective::all_reduce, 8, 3, 4).count, 0u) << "a size below the type";
}

}  // namespace
}  // namespace everstep
