#include "collectives/core/pairs.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "base/rng.h"
#include "base/text.h"

namespace everstep {
namespace {

using Host = std::uint32_t;
using Hosts = std::vector<Host>;

constexpr std::size_t kQuickRounds = 4;

HostPair Pair(Host x, Host y) { return {std::min(x, y), std::max(x, y)}; }

// The circle method: one host stays, the others turn around it. With an odd number a seat stays empty, and who meets it sits
// out.
std::vector<PairRound> Circle(const Hosts& hosts) {
  const std::size_t seats = hosts.size() + hosts.size() % 2;
  std::vector<PairRound> rounds;
  for (std::size_t turn = 0; turn + 1 < seats; ++turn) {
    const std::size_t turning = seats - 1;
    PairRound round;
    const auto meet = [&](std::size_t x, std::size_t y) {
      if (x < hosts.size() && y < hosts.size()) round.push_back(Pair(hosts[x], hosts[y]));
    };
    meet(turn, turning);
    for (std::size_t i = 1; i < seats / 2; ++i) meet((turn + i) % turning, (turn + turning - i) % turning);
    rounds.push_back(std::move(round));
  }
  return rounds;
}

// The hosts of each rack, racks and hosts in random order.
std::vector<Hosts> ByRack(const Hosts& order, const std::vector<std::uint32_t>& racks) {
  std::map<std::uint32_t, std::size_t> place;
  std::vector<Hosts> groups;
  for (const Host host : order) {
    const auto [found, fresh] = place.emplace(racks[host], groups.size());
    if (fresh) groups.emplace_back();
    groups[found->second].push_back(host);
  }
  return groups;
}

// Lays rounds of several groups beside each other: they share no host.
void MergeRounds(std::vector<PairRound>& into, std::size_t from, const std::vector<PairRound>& rounds) {
  if (into.size() < from + rounds.size()) into.resize(from + rounds.size());
  for (std::size_t i = 0; i < rounds.size(); ++i)
    into[from + i].insert(into[from + i].end(), rounds[i].begin(), rounds[i].end());
}

// Every host of one rack with every one of another, each round shifted by one.
std::vector<PairRound> Across(const Hosts& left, const Hosts& right) {
  const std::size_t wide = std::max(left.size(), right.size());
  std::vector<PairRound> rounds(wide);
  for (std::size_t shift = 0; shift < wide; ++shift)
    for (std::size_t i = 0; i < left.size(); ++i)
      if (const std::size_t j = (i + shift) % wide; j < right.size()) rounds[shift].push_back(Pair(left[i], right[j]));
  return rounds;
}

// Within racks, then rack against rack by a circle over the racks.
std::vector<PairRound> FullByRacks(const std::vector<Hosts>& groups) {
  std::vector<PairRound> rounds;
  for (const Hosts& group : groups) MergeRounds(rounds, 0, Circle(group));
  Hosts numbers(groups.size());
  std::iota(numbers.begin(), numbers.end(), 0);
  for (const PairRound& meeting : Circle(numbers)) {
    const std::size_t from = rounds.size();
    for (const HostPair& two : meeting) MergeRounds(rounds, from, Across(groups[two.a], groups[two.b]));
  }
  return rounds;
}

std::size_t WithinRacks(const PairRound& round, const std::vector<std::uint32_t>& racks) {
  return static_cast<std::size_t>(
      std::count_if(round.begin(), round.end(), [&](const HostPair& pair) { return racks[pair.a] == racks[pair.b]; }));
}

std::vector<PairRound> Full(const Hosts& order, const std::vector<std::uint32_t>& racks) {
  std::vector<PairRound> circle = Circle(order);
  if (racks.empty()) return circle;
  std::vector<PairRound> by_racks = FullByRacks(ByRack(order, racks));
  // A quarter more rounds is what a test inside a rack first is worth; unequal racks would cost several times as many.
  if (4 * by_racks.size() <= 5 * circle.size()) return by_racks;
  std::stable_sort(circle.begin(), circle.end(),
                   [&](const PairRound& a, const PairRound& b) { return WithinRacks(a, racks) > WithinRacks(b, racks); });
  return circle;
}

// Four matchings that share no pair, of hosts in a line rack by rack: two of neighbours, two of hosts half the line away.
// REQUIRES: at least 8.
std::vector<PairRound> NearThenFar(const Hosts& line, Rng& rng) {
  const std::size_t seats = line.size() + line.size() % 2;
  const std::size_t half = seats / 2;
  const auto add = [&](PairRound& round, std::size_t x, std::size_t y) {
    if (x < line.size() && y < line.size()) round.push_back(Pair(line[x], line[y]));
  };
  std::vector<PairRound> rounds(kQuickRounds);
  // A shift of 1 or half - 1 would meet neighbours again.
  const std::size_t shift = 2 + rng.Below(half - 3);
  for (std::size_t i = 0; i < half; ++i) {
    add(rounds[0], 2 * i, 2 * i + 1);
    add(rounds[1], 2 * i + 1, (2 * i + 2) % seats);
    add(rounds[2], i, half + i);
    add(rounds[3], i, half + (i + shift) % half);
  }
  return rounds;
}

std::vector<PairRound> Quick(const Hosts& order, const std::vector<std::uint32_t>& racks, Rng& rng) {
  if (!racks.empty() && order.size() >= 8) {
    Hosts line;
    for (const Hosts& group : ByRack(order, racks)) line.insert(line.end(), group.begin(), group.end());
    return NearThenFar(line, rng);
  }
  std::vector<PairRound> rounds = Circle(order);
  if (rounds.size() > kQuickRounds) rounds.resize(kQuickRounds);
  return rounds;
}

// First fit: a pair goes into the first of the waves in which both its racks have room.
void DealOut(const PairRound& round, const std::vector<std::uint32_t>& racks, std::uint32_t most,
             std::vector<PairRound>& into) {
  std::vector<std::pair<PairRound, std::map<std::uint32_t, std::uint32_t>>> waves(1);
  for (const HostPair& pair : round) {
    const std::uint32_t x = racks[pair.a], y = racks[pair.b];
    if (x == y) {
      waves[0].first.push_back(pair);
      continue;
    }
    std::size_t wave = 0;
    while (wave < waves.size() && (waves[wave].second[x] >= most || waves[wave].second[y] >= most)) ++wave;
    if (wave == waves.size()) waves.emplace_back();
    waves[wave].first.push_back(pair);
    ++waves[wave].second[x];
    ++waves[wave].second[y];
  }
  for (auto& wave : waves)
    if (!wave.first.empty()) into.push_back(std::move(wave.first));
}

}  // namespace

std::vector<std::uint32_t> ShuffledHosts(std::uint32_t hosts, std::uint64_t seed) {
  Rng rng(seed);
  Hosts order(hosts);
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[rng.Below(i)]);
  return order;
}

Result<PairPlan> PairRounds(std::uint32_t hosts, PairLevel level, const PairOptions& options) {
  if (!options.racks.empty() && options.racks.size() != hosts)
    return Fail(ErrorCode::kInvalid, Cat("racks are given for ", options.racks.size(), " hosts, the check has ", hosts),
                "give a rack for each host, or for none");
  if (options.cross_per_rack_max == 0u)
    return Fail(ErrorCode::kInvalid, "cross_per_rack_max is 0, at least 1 is legal", "leave it out for no limit");
  PairPlan plan{.seed = options.seed, .rounds = {}};
  if (hosts < 2) return plan;
  Rng rng(options.seed ^ 0x6d61746368u);
  const Hosts order = ShuffledHosts(hosts, options.seed);
  std::vector<PairRound> rounds = level == PairLevel::full ? Full(order, options.racks) : Quick(order, options.racks, rng);
  if (options.racks.empty() || !options.cross_per_rack_max) {
    plan.rounds = std::move(rounds);
    return plan;
  }
  for (const PairRound& round : rounds) DealOut(round, options.racks, *options.cross_per_rack_max, plan.rounds);
  return plan;
}

}  // namespace everstep
