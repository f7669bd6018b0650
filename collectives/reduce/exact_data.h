// Values whose sums, products, largest and smallest are exact in every type and every order: small whole numbers. Any wrong bit
// is then a real fault, and what each partial result must be is known at every hop.
//
//   sum, avg  0 and more; of avg multiples of the number of ranks, so that it divides the sum, and such as come out whole also
//             for who multiplies each by the reciprocal before adding (NCCL does; in f32 not even 49 * (1 / 49) is 1)
//   prod      2 or 3 of as many ranks as the type can hold the product of, 1 of the others
//   max, min  over the whole range where the type is small; else negative ones, too, or such with the highest bit set
//
// Values repeat after a prime number of elements: a block that landed at another place shows, whatever the sizes of blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "collectives/reduce/kernels.h"

namespace everstep {

class ExactData {
 public:
  // `salt`: another run, other values. REQUIRES: ranks > 0 and at most RanksMost().
  ExactData(DataType type, ReduceOperation operation, std::uint32_t ranks, std::uint64_t salt);

  // Beyond so many an average's sum is no whole number that the type holds.
  static std::uint32_t RanksMost(DataType type, ReduceOperation operation);

  DataType type() const { return type_; }
  // Elements [first, first + count) of what `rank` gives.
  void Fill(void* out, std::uint32_t rank, std::uint64_t first, std::size_t count) const;

  struct Wrong {
    std::size_t at = 0;  // element of the range
    double expected = 0;
    double got = 0;
    std::size_t elements = 0;  // wrong ones in the range
  };
  // Whether `data` is what comes of what `ranks` give; REQUIRES: not empty. Of an average that is the sum on the way, and at
  // the end the sum divided by the number of all ranks.
  enum class Stage { on_the_way, at_the_end };
  std::optional<Wrong> Compare(const void* data, const std::vector<std::uint32_t>& ranks, std::uint64_t first,
                               std::size_t count, Stage stage = Stage::on_the_way) const;

  static constexpr std::size_t kPeriod = 4093;

 private:
  std::uint32_t ValueAt(std::uint32_t rank, std::size_t place) const;
  std::uint32_t Reduced(std::uint32_t a, std::uint32_t b) const;
  std::uint64_t Meaning(std::uint32_t reduced, Stage stage) const;
  void ChooseValues();

  DataType type_;
  ReduceOperation operation_;
  std::uint32_t ranks_;
  std::uint64_t salt_;
  std::vector<std::uint32_t> values_{};  // one of them is given by each …
  std::uint32_t others_ = 0;  // … but this by all but every spread_th, where there are more ranks than exact results
  std::uint32_t spread_ = 1;
};

}  // namespace everstep
