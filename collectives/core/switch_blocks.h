// Whole racks that fail together: a switch, not all of their hosts at once. Looked for before any host is blamed.
//
// A block is the pairs between two racks, or within one. It is bad if half of at least four tested pairs failed, and hosts do
// not explain that: without those that failed most, up to half of each side, half of the pairs left still fail. Where so few
// were tested that none are left, at least three failed pairs must share no host. Racks of fewer than three hosts are not
// judged: two bad hosts would look the same. A rack is convicted if two blocks across, and two thirds of those tested, are bad;
// else a bad block across says that the way between the two is.
#pragma once

#include <cstdint>
#include <vector>

#include "collectives/core/localise.h"
#include "collectives/core/pair_ledger.h"

namespace everstep {

struct BadBlock {
  std::vector<std::uint32_t> racks{};  // one: that rack; two: what is between them
  bool inside = false;                 // of one rack: pairs within it fail too
  std::uint32_t tested = 0;
  std::uint32_t failed = 0;
  std::vector<HostPair> pairs{};  // the failed ones
};

// Strikes the pairs that these blocks explain. Nothing where racks are not known.
std::vector<BadBlock> StrikeBadBlocks(const CheckedHosts& hosts, PairLedger& ledger);

}  // namespace everstep
