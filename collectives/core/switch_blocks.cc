#include "collectives/core/switch_blocks.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace everstep {
namespace {

using Rack = std::uint32_t;
using RackPair = std::pair<Rack, Rack>;

struct Block {
  std::uint32_t tested = 0;
  std::uint32_t failed = 0;
  std::set<std::uint32_t> first, second;  // hosts with failures on either side

  bool Bad(bool inside) const {
    const bool spread = inside ? first.size() + second.size() >= 3 : first.size() >= 2 && second.size() >= 2;
    return tested >= 4 && 2 * failed >= tested && spread;
  }
};

std::map<RackPair, Block> Blocks(const CheckedHosts& hosts, const PairLedger& ledger) {
  std::map<RackPair, Block> blocks;
  for (const PairSum& sum : ledger.pairs()) {
    std::uint32_t x = sum.pair.a, y = sum.pair.b;
    if (hosts.racks[x] > hosts.racks[y]) std::swap(x, y);
    Block& block = blocks[{hosts.racks[x], hosts.racks[y]}];
    ++block.tested;
    if (!sum.Failed()) continue;
    ++block.failed;
    block.first.insert(x);
    block.second.insert(y);
  }
  return blocks;
}

// Adds what the block covers to `bad`, and takes it from the ledger.
void Take(const CheckedHosts& hosts, PairLedger& ledger, RackPair racks, BadBlock& bad) {
  for (PairSum& sum : ledger.pairs()) {
    const RackPair here = std::minmax(hosts.racks[sum.pair.a], hosts.racks[sum.pair.b]);
    if (here != racks || sum.struck) continue;
    ++bad.tested;
    if (sum.Failed()) {
      ++bad.failed;
      bad.pairs.push_back(sum.pair);
    }
    sum.struck = true;
  }
}

}  // namespace

std::vector<BadBlock> StrikeBadBlocks(const CheckedHosts& hosts, PairLedger& ledger) {
  if (hosts.racks.empty()) return {};
  std::map<Rack, std::uint32_t> sizes;
  for (const Rack rack : hosts.racks) ++sizes[rack];
  const std::map<RackPair, Block> blocks = Blocks(hosts, ledger);
  const auto bad_at = [&](RackPair racks) {
    const auto found = blocks.find(racks);
    return found != blocks.end() && sizes[racks.first] >= 3 && sizes[racks.second] >= 3 &&
           found->second.Bad(racks.first == racks.second);
  };
  std::map<Rack, std::uint32_t> across, across_bad;
  for (const auto& [racks, block] : blocks) {
    if (racks.first == racks.second || block.tested < 4) continue;
    ++across[racks.first], ++across[racks.second];
    if (bad_at(racks)) ++across_bad[racks.first], ++across_bad[racks.second];
  }

  std::vector<BadBlock> found;
  std::set<Rack> convicted;
  for (const auto& [rack, bad] : across_bad) {
    if (bad < 2 || 3 * bad < 2 * across[rack]) continue;
    convicted.insert(rack);
    BadBlock whole{.racks = {rack}, .inside = bad_at({rack, rack}), .tested = 0, .failed = 0, .pairs = {}};
    for (const auto& [racks, block] : blocks)
      if ((racks.first == rack) != (racks.second == rack)) Take(hosts, ledger, racks, whole);
    if (whole.inside) Take(hosts, ledger, {rack, rack}, whole);
    found.push_back(std::move(whole));
  }
  for (const auto& [racks, block] : blocks) {
    if (!bad_at(racks) || convicted.contains(racks.first) || convicted.contains(racks.second)) continue;
    BadBlock one{.racks = {racks.first}, .inside = true, .tested = 0, .failed = 0, .pairs = {}};
    if (racks.first != racks.second)
      one = {.racks = {racks.first, racks.second}, .inside = false, .tested = 0, .failed = 0, .pairs = {}};
    Take(hosts, ledger, racks, one);
    found.push_back(std::move(one));
  }
  return found;
}

}  // namespace everstep
