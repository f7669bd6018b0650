// Which collective was run on how much, and what bandwidth that was: nccl-tests' definitions, so that figures can be laid side
// by side.
//
// Size is what nccl-tests prints in its first column: for all-reduce the buffer of one rank; for the others all ranks' shares
// together, N times the share that a rank gives (all-gather), gets (reduce-scatter) or gives to each other (all-to-all).
// algbw = size / time. busbw = algbw * BusFactor: what a link carries if every link carries the same (Patarasuk and Yuan 2009),
// so that it can be held against the rate of the wire whatever N is.
//
// One rank alone moves nothing: its bus bandwidth is 0, as nccl-tests has it, not an error.
#pragma once

#include <cstdint>

#include "base/fields.h"

namespace everstep {

EVERSTEP_ENUM(Collective, all_reduce, reduce_scatter, all_gather, all_to_all)

// REQUIRES: ranks > 0.
double BusFactor(Collective collective, std::uint32_t ranks);

struct Bandwidth {
  double algorithm_bytes_per_second = 0;
  double bus_bytes_per_second = 0;
};

// REQUIRES: ranks > 0, seconds > 0.
Bandwidth BandwidthOf(Collective collective, std::uint32_t ranks, std::uint64_t bytes, double seconds);

// How a size asked for is cut into elements. All but all-reduce give each rank the same whole number of elements, a multiple of
// 16 bytes, so less than was asked for may be used; then `bytes` says what.
struct Shape {
  std::uint64_t bytes = 0;    // "size"
  std::uint64_t count = 0;    // "count": elements of the share, or of the whole buffer for all-reduce
  std::uint64_t element = 0;  // bytes
};

// REQUIRES: ranks > 0; element is 1, 2, 4 or 8. A size below one element a rank gives a count of 0.
Shape ShapeOf(Collective collective, std::uint32_t ranks, std::uint64_t bytes, std::uint64_t element);

}  // namespace everstep
