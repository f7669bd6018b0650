// How a message is dealt over the rails of a host, one NIC each: cut into pieces, piece k by rail (k + something that both ends
// know). Both ends of a message compute the same from its size, so nothing is told.
//
// A message that is cut gets a multiple of the rails, so that all carry alike; one too small for that goes whole, each round
// by another rail, for a piece costs a message and its latency.
//
// Pure. Cost: O(1).
#pragma once

#include <cstddef>
#include <cstdint>

namespace everstep {

struct Stripes {
  std::uint32_t rails = 1;
  std::size_t chunk_bytes = 4 << 20;  // the largest piece
  // The smallest piece that is worth a message of its own. Measured: docs/performance.md, "Rails".
  std::size_t split_bytes = 256 << 10;
};

// Bytes of each piece but the last, whole cache lines. Over one rail: chunks.
std::size_t PieceBytes(std::size_t message_bytes, const Stripes& stripes);

// By which rail a piece goes.
std::uint32_t RailOf(std::uint32_t sender, std::uint32_t receiver, std::size_t round, std::size_t piece, std::uint32_t rails);

}  // namespace everstep
