// The rounds that follow the matchings: PlanConfirmations, PlanSecondLook and PlanRetests of localise.h.
#include <algorithm>
#include <numeric>
#include <set>

#include "collectives/core/pair_ledger.h"
#include "collectives/core/switch_blocks.h"

namespace everstep {
namespace {

struct Suspicion {
  std::uint32_t host = 0;
  std::uint32_t failed = 0;
  std::uint32_t tested = 0;
  std::uint32_t wanted = 0;  // confirmations still to come

  // Fewest failures first, as a share of what was tested.
  bool Cleaner(const Suspicion& other) const {
    return std::uint64_t{failed} * std::max(1u, other.tested) < std::uint64_t{other.failed} * std::max(1u, tested);
  }
};

std::vector<Suspicion> Suspicions(const PairLedger& ledger) {
  std::vector<Suspicion> all;
  for (std::uint32_t host = 0; host < ledger.hosts(); ++host) {
    const PairLedger::Standing standing = ledger.StandingOf(host);
    all.push_back({.host = host, .failed = standing.failed, .tested = standing.partners, .wanted = 0});
  }
  return all;
}

// Gives every host as many new partners as it wants, the cleanest first, each partner to one host at a time.
std::vector<PairRound> DealPartners(const PairLedger& ledger, std::vector<Suspicion> by_host) {
  const std::uint32_t hosts = ledger.hosts();
  std::set<HostPair> met;
  for (const PairSum& sum : ledger.pairs()) met.insert(sum.pair);
  std::vector<std::uint32_t> cleanest(hosts);
  std::iota(cleanest.begin(), cleanest.end(), 0);
  std::vector<std::uint32_t> guiltiest = cleanest;
  const auto cleaner = [&](auto x, auto y) { return by_host[x].Cleaner(by_host[y]); };
  std::stable_sort(cleanest.begin(), cleanest.end(), cleaner);
  std::stable_sort(guiltiest.begin(), guiltiest.end(), [&](auto x, auto y) { return cleaner(y, x); });
  const bool any_clean = !cleanest.empty() && by_host[cleanest[0]].failed == 0;

  std::vector<PairRound> rounds;
  for (;;) {
    PairRound round;
    std::vector<bool> busy(hosts, false);
    for (const std::uint32_t suspect : guiltiest) {
      if (by_host[suspect].wanted == 0 || busy[suspect]) continue;
      const auto fits = [&](std::uint32_t partner) {
        return partner != suspect && !busy[partner] && (!any_clean || by_host[partner].failed == 0) &&
               !met.contains({std::min(suspect, partner), std::max(suspect, partner)});
      };
      const auto found = std::find_if(cleanest.begin(), cleanest.end(), fits);
      if (found == cleanest.end()) continue;
      round.push_back({std::min(suspect, *found), std::max(suspect, *found)});
      met.insert(round.back());
      busy[suspect] = busy[*found] = true;
      --by_host[suspect].wanted;
    }
    if (round.empty()) return rounds;
    // Partners take turns: the one used now is the last choice of the next round.
    std::stable_partition(cleanest.begin(), cleanest.end(), [&](std::uint32_t host) { return !busy[host]; });
    std::stable_sort(cleanest.begin(), cleanest.end(), cleaner);
    rounds.push_back(std::move(round));
  }
}

}  // namespace

std::vector<PairRound> PlanConfirmations(std::uint32_t hosts, const std::vector<PairTest>& tests,
                                         const LocaliserOptions& options) {
  const PairLedger ledger(hosts, tests);
  std::vector<Suspicion> by_host = Suspicions(ledger);
  for (Suspicion& one : by_host) one.wanted = one.failed > 0 ? options.confirmations : 0;
  return DealPartners(ledger, std::move(by_host));
}

std::vector<PairRound> PlanSecondLook(const CheckedHosts& hosts, const std::vector<PairTest>& tests,
                                      const LocaliserOptions& options) {
  const auto count = static_cast<std::uint32_t>(hosts.names.size());
  const PairLedger all(count, tests);
  PairLedger peeled(count, tests);
  StrikeBadBlocks(hosts, peeled);
  const std::vector<PairLedger::Conviction> convicted = peeled.Peel(options);
  std::vector<Suspicion> by_host = Suspicions(all);
  for (const PairLedger::Conviction& one : convicted)
    if (2 * one.standing.failed < one.standing.partners || one.standing.failed <= options.failed_partners_min)
      by_host[one.host].wanted = options.confirmations;
  for (const std::uint32_t index : peeled.Unexplained())
    for (const std::uint32_t host : {all.pairs()[index].pair.a, all.pairs()[index].pair.b})
      by_host[host].wanted = options.confirmations;
  return DealPartners(all, std::move(by_host));
}

std::vector<PairRound> PlanRetests(const CheckedHosts& hosts, const std::vector<PairTest>& tests,
                                   const LocaliserOptions& options) {
  PairLedger ledger(static_cast<std::uint32_t>(hosts.names.size()), tests);
  StrikeBadBlocks(hosts, ledger);
  ledger.Peel(options);
  std::vector<PairRound> once;
  std::vector<std::vector<bool>> busy;
  for (const std::uint32_t index : ledger.Unexplained()) {
    if (ledger.pairs()[index].retests > 0) continue;
    const HostPair pair = ledger.pairs()[index].pair;
    std::size_t round = 0;
    while (round < once.size() && (busy[round][pair.a] || busy[round][pair.b])) ++round;
    if (round == once.size()) {
      once.emplace_back();
      busy.emplace_back(hosts.names.size(), false);
    }
    once[round].push_back(pair);
    busy[round][pair.a] = busy[round][pair.b] = true;
  }
  std::vector<PairRound> rounds;
  for (std::uint32_t time = 0; time < options.retests; ++time) rounds.insert(rounds.end(), once.begin(), once.end());
  return rounds;
}

}  // namespace everstep
