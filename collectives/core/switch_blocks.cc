#include "collectives/core/switch_blocks.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

namespace everstep {
namespace {

using Rack = std::uint32_t;
using RackPair = std::pair<Rack, Rack>;

struct BlockTest {
  std::uint32_t x = 0;  // of the rack with the lower number
  std::uint32_t y = 0;
  bool failed = false;
};

std::uint32_t FailedOf(const std::vector<BlockTest>& tests) {
  return static_cast<std::uint32_t>(std::count_if(tests.begin(), tests.end(), [](const BlockTest& t) { return t.failed; }));
}

bool HalfFailed(const std::vector<BlockTest>& tests) { return 2 * FailedOf(tests) >= tests.size() && !tests.empty(); }

// Failed pairs of which no two share a host: so many bad hosts at least it would take without a bad switch.
std::size_t Disjoint(const std::vector<BlockTest>& tests) {
  std::set<std::uint32_t> busy;
  std::size_t pairs = 0;
  for (const BlockTest& test : tests) {
    if (!test.failed || busy.contains(test.x) || busy.contains(test.y)) continue;
    busy.insert({test.x, test.y});
    ++pairs;
  }
  return pairs;
}

struct Block {
  std::vector<BlockTest> tests{};

  // Without the hosts that failed most, up to half of each side, half of what is left still fails.
  bool Bad(bool inside) const {
    constexpr std::size_t kFewest = 4, kBadHostsAtMost = 2;
    if (tests.size() < kFewest || !HalfFailed(tests)) return false;
    std::array<std::set<std::uint32_t>, 2> sides;  // of hosts tested here
    for (const BlockTest& test : tests) sides[0].insert(test.x), sides[inside ? 0 : 1].insert(test.y);
    std::array<std::size_t, 2> may_go{sides[0].size() / 2, sides[1].size() / 2};
    std::vector<BlockTest> left = tests;
    while (HalfFailed(left)) {
      std::map<std::uint32_t, std::uint32_t> failures;
      for (const BlockTest& test : left)
        for (const std::uint32_t host : {test.x, test.y})
          if (test.failed && may_go[SideOf(host, sides)] > 0) ++failures[host];
      if (failures.empty()) return true;
      const auto fewer = [](const auto& a, const auto& b) { return a.second < b.second; };
      const std::uint32_t worst = std::max_element(failures.begin(), failures.end(), fewer)->first;
      --may_go[SideOf(worst, sides)];
      std::erase_if(left, [&](const BlockTest& test) { return test.x == worst || test.y == worst; });
    }
    // With few tests nothing may be left, which tells nothing.
    return left.empty() && Disjoint(tests) > kBadHostsAtMost;
  }

 private:
  static std::size_t SideOf(std::uint32_t host, const std::array<std::set<std::uint32_t>, 2>& sides) {
    return sides[0].contains(host) ? 0 : 1;
  }
};

std::map<RackPair, Block> Blocks(const CheckedHosts& hosts, const PairLedger& ledger) {
  std::map<RackPair, Block> blocks;
  for (const PairSum& sum : ledger.pairs()) {
    std::uint32_t x = sum.pair.a, y = sum.pair.b;
    if (hosts.racks[x] > hosts.racks[y]) std::swap(x, y);
    blocks[{hosts.racks[x], hosts.racks[y]}].tests.push_back({x, y, sum.Failed()});
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
    if (racks.first == racks.second || block.tests.size() < 4) continue;
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
