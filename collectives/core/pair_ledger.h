// What pair tests add up to: by pair, and by host the pairs it is in. Hosts are convicted here, pairs are struck out, and what
// is left counts.
#pragma once

#include <cstdint>
#include <vector>

#include "collectives/core/localise.h"

namespace everstep {

struct PairSum {
  HostPair pair{};
  std::uint32_t tests = 0;  // without retests
  std::uint32_t failed = 0;
  std::uint32_t retests = 0;
  std::uint32_t retests_failed = 0;
  bool only_slow = true;  // of what failed, retests apart: it was late, not lost and not wrong
  bool cleared = false;   // its retests passed, so what failed before was noise
  bool struck = false;    // explained by something else: counts no more

  bool Failed() const { return failed > 0 && !cleared; }
};

class PairLedger {
 public:
  struct Standing {
    std::uint32_t partners = 0;        // tested with, not struck
    std::uint32_t failed = 0;          // of these
    std::uint32_t failed_working = 0;  // of the failed: seen to work with somebody else
  };

  PairLedger(std::uint32_t hosts, const std::vector<PairTest>& tests, const LocaliserOptions& options = {});

  std::uint32_t hosts() const { return static_cast<std::uint32_t>(of_host_.size()); }
  std::vector<PairSum>& pairs() { return pairs_; }
  const std::vector<PairSum>& pairs() const { return pairs_; }
  const std::vector<std::uint32_t>& PairsOf(std::uint32_t host) const { return of_host_[host]; }
  std::uint32_t Partner(std::uint32_t host, std::uint32_t pair) const {
    return pairs_[pair].pair.a == host ? pairs_[pair].pair.b : pairs_[pair].pair.a;
  }

  Standing StandingOf(std::uint32_t host) const;
  void StrikeAllOf(std::uint32_t host);

  struct Conviction {
    std::uint32_t host = 0;
    Standing standing{};                  // when it was convicted
    std::vector<std::uint32_t> failed{};  // indices of its pairs that failed
  };

  // The hosts that the peel convicts, in its order. Their pairs are struck.
  std::vector<Conviction> Peel(const LocaliserOptions& options);
  // Pairs that failed and are not struck.
  std::vector<std::uint32_t> Unexplained() const;

 private:
  bool Works(std::uint32_t host, std::uint32_t but_with) const;

  std::vector<PairSum> pairs_{};                       // by pair
  std::vector<std::vector<std::uint32_t>> of_host_{};  // indices of pairs_
};

}  // namespace everstep
