// Rails that are dead between all hosts while another works: a switch of their own, or how they are set up, not the NICs of
// some host. Without this each pair would be accused, and tested again and again, each time until it times out.
//
// Pure. Cost: O(edges).
#pragma once

#include <cstdint>
#include <vector>

#include "collectives/core/localise.h"

namespace everstep {

// Three rounds are the least: with fewer, two bad hosts of four have a part in all pairs.
inline constexpr std::size_t kRailLossRoundsMin = 3;

// Rails on which every pair failed that was tested, of three pairs at least, while on another rail most did not. In order.
std::vector<std::uint32_t> LostRails(const CheckedHosts& hosts, const std::vector<PairTest>& tests);

// The tests without what was measured over these.
std::vector<PairTest> WithoutRails(std::vector<PairTest> tests, const std::vector<std::uint32_t>& rails);

// One a rail, of all hosts.
std::vector<Verdict> LostRailVerdicts(const CheckedHosts& hosts, const std::vector<PairTest>& tests,
                                      const std::vector<std::uint32_t>& rails);

}  // namespace everstep
