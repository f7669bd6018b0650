// Collectives as data: what one rank sends, receives and adds, round by round. No memory, no network, no time: collectives/ofi
// carries a plan out, choice.h says which one, and the tests run all ranks' plans of an N together symbolically.
//
// The buffer is cut into `blocks` blocks of equal size (the last may be shorter: the carrier's business). Blocks of
//   all_reduce       any number, the algorithm's choice; in place: all blocks hold the own values, then the sums
//   reduce_scatter   N: block r of the sums ends at rank r; the others' content is spent
//   all_gather       N: block r starts at rank r
//   all_to_all       2 N: block p is for rank p; what came from rank p is block N + p
//
// A round: `copies` first; then all sends read what the buffer held when the round began, and what is received lands as if
// after all sends of the round. A send and a receive between two ranks in the same round belong together; there is at most one
// in each direction. Rounds are counted alike on all ranks; a rank idle in one has it empty.
//
//   ring                2(N-1) rounds, bandwidth-optimal for every N (Patarasuk and Yuan 2009); all_to_all: N-1 rounds of
//   growing distance recursive_doubling  all of the data to a partner, log2 N times: few rounds, for small sizes
//   halving_doubling    recursive halving, then doubling (Rabenseifner 2004): few rounds, nearly optimal bytes
//   direct              each with each at once: one round a half; for middle sizes
//   star                all to rank 0, which adds, and back: 2 rounds whatever N is; for small sizes on few ranks
//
// N that is no power of two, in recursive_doubling and halving_doubling: with P the power of two below and r = N - P, ranks 2i
// + 1 with i < r fold into ranks 2i first and get the result at the end, two more rounds (Thakur, Rabenseifner, Gropp 2005).
//
// N = 1: no rounds, but the copy of all_to_all. Cost: O(rounds + transfers of the rank).
#pragma once

#include <cstdint>
#include <vector>

#include "base/fields.h"
#include "collectives/core/formulas.h"

namespace everstep {

EVERSTEP_ENUM(Algorithm, ring, recursive_doubling, halving_doubling, direct, star)

struct Blocks {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  friend bool operator==(const Blocks&, const Blocks&) = default;
};

struct PlannedSend {
  std::uint32_t peer = 0;
  Blocks blocks{};
};

struct PlannedReceive {
  std::uint32_t peer = 0;
  Blocks blocks{};   // as many as the peer sends
  bool add = false;  // to what is there; else it is replaced
};

struct PlannedCopy {
  std::uint32_t from = 0;
  std::uint32_t to = 0;
};

struct PlanRound {
  std::vector<PlannedCopy> copies{};
  std::vector<PlannedSend> sends{};
  std::vector<PlannedReceive> receives{};
};

struct Plan {
  Collective collective = Collective::all_reduce;
  Algorithm algorithm = Algorithm::ring;
  std::uint32_t ranks = 1;
  std::uint32_t rank = 0;
  std::uint32_t blocks = 1;
  std::vector<PlanRound> rounds{};
};

// Which algorithms a collective has.
bool Has(Collective collective, Algorithm algorithm);

// REQUIRES: Has(collective, algorithm), rank < ranks.
Plan PlanFor(Collective collective, Algorithm algorithm, std::uint32_t ranks, std::uint32_t rank);

}  // namespace everstep
