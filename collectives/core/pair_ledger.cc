#include "collectives/core/pair_ledger.h"

#include <algorithm>
#include <optional>

#include "base/check.h"

namespace everstep {

namespace {

bool OnlySlow(const PairTest& test) {
  return std::all_of(test.edges.begin(), test.edges.end(),
                     [](const Edge& edge) { return edge.fault != EdgeFault::silent && edge.fault != EdgeFault::wrong_data; });
}

}  // namespace

PairLedger::PairLedger(std::uint32_t hosts, const std::vector<PairTest>& tests, const LocaliserOptions& options)
    : of_host_(hosts) {
  std::vector<const PairTest*> sorted;
  for (const PairTest& test : tests) sorted.push_back(&test);
  std::stable_sort(sorted.begin(), sorted.end(), [](const PairTest* a, const PairTest* b) { return a->pair < b->pair; });
  for (const PairTest* test : sorted) {
    Check(test->pair.a < test->pair.b && test->pair.b < hosts, "a pair test is of two hosts of the check");
    if (pairs_.empty() || pairs_.back().pair != test->pair) {
      of_host_[test->pair.a].push_back(static_cast<std::uint32_t>(pairs_.size()));
      of_host_[test->pair.b].push_back(static_cast<std::uint32_t>(pairs_.size()));
      pairs_.push_back({.pair = test->pair});
    }
    PairSum& sum = pairs_.back();
    ++(test->retest ? sum.retests : sum.tests);
    if (test->Failed()) ++(test->retest ? sum.retests_failed : sum.failed);
    if (!test->retest) sum.only_slow = sum.only_slow && OnlySlow(*test);
  }
  for (PairSum& sum : pairs_)
    sum.cleared = sum.retests > 0 && sum.retests_failed < std::min(options.retests_failed_min, sum.retests);
}

bool PairLedger::Works(std::uint32_t host, std::uint32_t but_with) const {
  return std::any_of(of_host_[host].begin(), of_host_[host].end(), [&](std::uint32_t index) {
    return !pairs_[index].struck && !pairs_[index].Failed() && Partner(host, index) != but_with;
  });
}

PairLedger::Standing PairLedger::StandingOf(std::uint32_t host) const {
  Standing standing;
  for (const std::uint32_t index : of_host_[host]) {
    if (pairs_[index].struck) continue;
    ++standing.partners;
    if (!pairs_[index].Failed()) continue;
    ++standing.failed;
    if (Works(Partner(host, index), host)) ++standing.failed_working;
  }
  return standing;
}

void PairLedger::StrikeAllOf(std::uint32_t host) {
  for (const std::uint32_t index : of_host_[host]) pairs_[index].struck = true;
}

std::vector<PairLedger::Conviction> PairLedger::Peel(const LocaliserOptions& options) {
  std::vector<Conviction> convicted;
  for (;;) {
    std::optional<std::uint32_t> worst;
    Standing most;
    for (std::uint32_t host = 0; host < hosts(); ++host) {
      const Standing standing = StandingOf(host);
      const double share = standing.failed == 0 ? 0 : static_cast<double>(standing.failed) / standing.partners;
      if (standing.failed_working < options.failed_partners_min || share < options.failed_share_min) continue;
      // Of two with as many failed partners, the one with fewer others has failed more of its tests.
      const bool worse = standing.failed > most.failed || (standing.failed == most.failed && standing.partners < most.partners);
      if (worst && !worse) continue;
      worst = host;
      most = standing;
    }
    if (!worst) return convicted;
    convicted.push_back({.host = *worst, .standing = most, .failed = {}});
    for (const std::uint32_t index : of_host_[*worst])
      if (!pairs_[index].struck && pairs_[index].Failed()) convicted.back().failed.push_back(index);
    StrikeAllOf(*worst);
  }
}

std::vector<std::uint32_t> PairLedger::Unexplained() const {
  std::vector<std::uint32_t> left;
  for (std::uint32_t index = 0; index < pairs_.size(); ++index)
    if (!pairs_[index].struck && pairs_[index].Failed()) left.push_back(index);
  return left;
}

}  // namespace everstep
