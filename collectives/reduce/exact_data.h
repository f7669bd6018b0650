// Values whose sums are exact in every type and every order of addition: small whole numbers. Any wrong bit is then a real
// fault, and what each partial sum must be is known at every hop.
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
  // `salt`: another run, other values. REQUIRES: ranks > 0.
  ExactData(DataType type, std::uint32_t ranks, std::uint64_t salt);

  DataType type() const { return type_; }
  // Elements [first, first + count) of what `rank` gives.
  void Fill(void* out, std::uint32_t rank, std::uint64_t first, std::size_t count) const;

  struct Wrong {
    std::size_t at = 0;  // element of the range
    double expected = 0;
    double got = 0;
    std::size_t elements = 0;  // wrong ones in the range
  };
  // Whether `data` is the sum of what `ranks` give; REQUIRES: not empty.
  std::optional<Wrong> Compare(const void* data, const std::vector<std::uint32_t>& ranks, std::uint64_t first,
                               std::size_t count) const;

  static constexpr std::size_t kPeriod = 4093;

 private:
  std::uint32_t ValueAt(std::uint32_t rank, std::size_t place) const;

  DataType type_;
  std::uint32_t most_;    // values are 0 to this
  std::uint32_t spread_;  // every which one is not 0, where there are more ranks than exact sums
  std::uint64_t salt_;
};

}  // namespace everstep
