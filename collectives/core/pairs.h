// Who is tested with whom, in which order: rounds in which no host has two tests, by the circle method over a random order of
// the hosts. The seed is part of the result, so that a run repeats exactly.
//
//   quick   4 rounds whatever N is, no pair twice: with r such rounds up to r - 1 bad hosts are told from good ones (reference:
//   PMC model) full    every pair once: N - 1 rounds, N if N is odd
//
// Where racks are known, pairs within a rack come first, then pairs across: a fault inside a rack shows before the spine adds
// its own noise. More traffic between racks than the spine carries looks like slow hosts; `cross_per_rack_max` deals a round's
// pairs across racks out to several rounds. Full with racks of very unequal sizes stays with one circle over all hosts, its
// rounds ordered by the pairs within racks.
//
// N = 1: no round. N = 2: one. N = 3: three of one pair each, in quick as well. Cost: O(pairs).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/fields.h"
#include "base/result.h"

namespace everstep {

EVERSTEP_ENUM(PairLevel, quick, full)

struct HostPair {
  std::uint32_t a = 0;  // indices of hosts, a < b
  std::uint32_t b = 0;
  friend auto operator<=>(const HostPair&, const HostPair&) = default;
};

using PairRound = std::vector<HostPair>;

struct PairOptions {
  std::uint64_t seed = 0;
  std::vector<std::uint32_t> racks{};                 // one a host; empty: not known, all hosts are alike
  std::optional<std::uint32_t> cross_per_rack_max{};  // pairs across racks at a time that a rack may have; not 0
};

struct PairPlan {
  std::uint64_t seed = 0;
  std::vector<PairRound> rounds{};
};

// kInvalid: racks are given for another number of hosts, or a limit of 0.
Result<PairPlan> PairRounds(std::uint32_t hosts, PairLevel level, const PairOptions& options);

// How far a test of them is. A stage has all its rounds planned when it begins; what comes after it depends on what they show.
struct PairStep {
  std::size_t round = 0;  // of the stage, from 1 on
  std::size_t of = 0;
  std::string_view stage{};  // "pairs", "more partners of suspects", …
};

// A shuffle that the same generator state gives on every machine (Fisher and Yates).
std::vector<std::uint32_t> ShuffledHosts(std::uint32_t hosts, std::uint64_t seed);

}  // namespace everstep
