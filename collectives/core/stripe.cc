#include "collectives/core/stripe.h"

#include <algorithm>

namespace everstep {
namespace {

constexpr std::size_t kLine = 64;

}  // namespace

std::size_t PieceBytes(std::size_t message_bytes, const Stripes& stripes) {
  const std::size_t chunk = std::max(stripes.chunk_bytes / kLine * kLine, kLine);
  if (stripes.rails == 1 || message_bytes < stripes.rails * stripes.split_bytes) return chunk;
  const std::size_t each = stripes.rails * chunk;
  const std::size_t pieces = (message_bytes + each - 1) / each * stripes.rails;
  const std::size_t piece = (message_bytes + pieces - 1) / pieces;
  return std::min(chunk, (piece + kLine - 1) / kLine * kLine);
}

std::uint32_t RailOf(std::uint32_t sender, std::uint32_t receiver, std::size_t round, std::size_t piece, std::uint32_t rails) {
  return static_cast<std::uint32_t>((std::size_t{sender} + receiver + round + piece) % rails);
}

}  // namespace everstep
