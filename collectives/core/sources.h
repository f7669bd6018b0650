// Whose contributions a message must hold: what a check of every hop compares with. Follows all ranks' plans, as the tests do,
// a bit a rank.
#pragma once

#include <cstdint>
#include <vector>

#include "collectives/core/plan.h"

namespace everstep {

// More ranks than bits are not followed: then only results are checked.
constexpr std::uint32_t kSourcesRanksMax = 64;

// By round, by receive of the round, by block of the receive: the ranks whose values the sender has added up, a bit each.
using Sources = std::vector<std::vector<std::vector<std::uint64_t>>>;

// REQUIRES: at most kSourcesRanksMax ranks. Cost: O(all transfers of all ranks).
Sources IncomingSources(Collective collective, Algorithm algorithm, std::uint32_t ranks, std::uint32_t rank);

}  // namespace everstep
