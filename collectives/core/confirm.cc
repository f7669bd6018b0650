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

struct Retest {
  HostPair pair{};
  std::uint32_t times = 0;
};

// Of every host whose conviction rests on pairs that were slow once: as many of them as it takes.
std::vector<Retest> Doubts(const PairLedger& ledger, const std::vector<PairLedger::Conviction>& convicted,
                           const LocaliserOptions& options) {
  std::vector<Retest> doubts;
  for (const PairLedger::Conviction& one : convicted) {
    std::uint32_t sure = 0;
    std::vector<Retest> doubtful;
    for (const std::uint32_t index : one.failed) {
      const PairSum& sum = ledger.pairs()[index];
      if (!sum.only_slow || sum.retests > 0)
        ++sure;
      else
        doubtful.push_back({.pair = sum.pair, .times = 1});
    }
    const std::size_t missing = options.failed_partners_min - std::min(sure, options.failed_partners_min);
    doubtful.resize(std::min(missing, doubtful.size()));
    doubts.insert(doubts.end(), doubtful.begin(), doubtful.end());
  }
  return doubts;
}

// Each pair as often as it is wanted. A round has one pair, or as many as share no host.
std::vector<PairRound> DealRetests(std::vector<Retest> wanted, bool alone) {
  std::vector<PairRound> rounds;
  for (;;) {
    PairRound round;
    std::set<std::uint32_t> busy;
    for (Retest& one : wanted) {
      if (one.times == 0 || busy.contains(one.pair.a) || busy.contains(one.pair.b) || (alone && !round.empty())) continue;
      --one.times;
      busy.insert({one.pair.a, one.pair.b});
      round.push_back(one.pair);
    }
    if (round.empty()) return rounds;
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
  PairLedger peeled(count, tests, options);
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
  PairLedger ledger(static_cast<std::uint32_t>(hosts.names.size()), tests, options);
  StrikeBadBlocks(hosts, ledger);
  std::vector<Retest> wanted = Doubts(ledger, ledger.Peel(options), options);
  for (const std::uint32_t index : ledger.Unexplained())
    if (const PairSum& sum = ledger.pairs()[index]; sum.retests < options.retests)
      wanted.push_back({.pair = sum.pair, .times = options.retests - sum.retests});
  std::uint32_t tests_wanted = 0;
  for (const Retest& one : wanted) tests_wanted += one.times;
  const bool alone = tests_wanted <= options.retests_alone;
  return DealRetests(std::move(wanted), alone);
}

}  // namespace everstep
