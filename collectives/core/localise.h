// Which host, direction, NIC, link or switch is bad, from pair tests that passed or failed. A pass clears both ends; a failure
// blames neither alone.
//
//   matchings (pairs.h)  ->  PlanConfirmations: every suspect with more partners  ->  PlanSecondLook: where the evidence is
//   thin, more still
//   ->  PlanRetests: what no host explains, and what convicts a host by slowness alone, again, longer and alone
//   ->  Conclude: self-tests, then blocks of racks, then peel
//
// Whoever shares a machine or a link is slow for a moment now and then, and on a busy one with two partners in a row. So nobody
// is convicted of slowness unless two of its pairs were slow a second time, in tests that last longer. Silence and wrong data
// are no noise: they convict at once.
//
// Peel: convict again and again the host with the most failed partners, if there are at least two and at least 30 % of those it
// was tested with; its tests count no more. Without the 30 % a full tournament blamed 1.4 good hosts a run at 1 % noise
// (simulated; tests/collectives/core). A host is convicted only if two of those partners have been seen to work with others: of
// three hosts that all fail with each other, none can be named.
//
// Verdicts ask for different things: HOST, NIC and SWITCH name a part; LINK asks for another look, for it is also how a flaky
// host that escaped conviction shows; "pair" says that one of several is bad and nothing tells which; UNKNOWN says that nothing
// was measured, which is never a pass.
//
// Cost: O(tests log tests + hosts * convicted).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fields.h"
#include "collectives/core/pairs.h"

namespace everstep {

EVERSTEP_ENUM(EdgeFault, none, slow, below_floor, silent, wrong_data)

// One direction of a pair test over one rail, judged (score.h).
struct Edge {
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  std::uint32_t rail = 0;
  EdgeFault fault = EdgeFault::none;
  double ratio = 0;  // of the median's bandwidth; 0: not measured
};

struct PairTest {
  HostPair pair{};
  bool retest = false;  // a second look: longer than the first, so it counts for more
  std::vector<Edge> edges{};

  bool Failed() const {
    for (const Edge& edge : edges)
      if (edge.fault != EdgeFault::none) return true;
    return false;
  }
};

// A test that needs no other host: loopback of a NIC, memory, compute.
struct SelfTest {
  std::uint32_t host = 0;
  std::optional<std::uint32_t> rail{};  // nullopt: not of one NIC
  bool passed = true;
  std::string why{};
};

struct CheckedHosts {
  std::vector<std::string> names{};       // one a host
  std::vector<std::uint32_t> racks{};     // one a host, or empty: not known
  std::vector<std::string> rack_names{};  // by rack, or empty: they have numbers only
  std::uint32_t rails = 1;
  std::vector<std::vector<std::string>> nics{};  // by host, by rail: "rail 1 (eth1)"; or empty: they have no names
};

struct LocaliserOptions {
  std::uint32_t failed_partners_min = 2;
  double failed_share_min = 0.3;
  std::uint32_t confirmations = 6;
  std::uint32_t retests = 3;
  std::uint32_t retests_failed_min = 2;
  // So few run one at a time, with nothing else in the network; more of them side by side.
  std::uint32_t retests_alone = 12;
};

EVERSTEP_ENUM(VerdictKind, host, host_tx, host_rx, nic, link, fabric_switch, pair, unknown)

// "HOST", "HOST-TX", "HOST-RX", "NIC", "LINK", "SWITCH", "PAIR, CANNOT SAY WHICH", "UNKNOWN"
std::string_view Title(VerdictKind kind);

struct Verdict {
  VerdictKind kind = VerdictKind::unknown;
  std::vector<std::uint32_t> hosts{};  // one; both ends; all of which one is bad
  std::optional<std::uint32_t> rail{};
  std::vector<std::uint32_t> racks{};  // of a switch: one, or the two between which it is
  std::uint32_t tested = 0;            // partners, or tests of a link or block
  std::uint32_t failed = 0;
  double ratio = 0;  // median of what failed against the median of all; 0: nothing came through
  std::string why{};
};

// More tests for every host that has failed one, with the partners that failed least; no pair that has been tested. No rounds:
// nobody failed.
std::vector<PairRound> PlanConfirmations(std::uint32_t hosts, const std::vector<PairTest>& tests,
                                         const LocaliserOptions& options = {});

// As many more again for hosts whose conviction would rest on two failures or on less than half of their tests, and for both
// ends of pairs that nothing explains: noise thins out, a flaky host is told from a flaky link. Mostly no rounds.
std::vector<PairRound> PlanSecondLook(const CheckedHosts& hosts, const std::vector<PairTest>& tests,
                                      const LocaliserOptions& options = {});

// The pairs that failed although neither end can be convicted, each `retests` times; and of each host that would be convicted
// of slowness alone, so many of its slow pairs once that `failed_partners_min` have a second look. Where results shift what is
// normal, more may fail now: to be asked until there are no rounds.
std::vector<PairRound> PlanRetests(const CheckedHosts& hosts, const std::vector<PairTest>& tests,
                                   const LocaliserOptions& options = {});

// REQUIRES: every host named in tests is one of `hosts`.
std::vector<Verdict> Conclude(const CheckedHosts& hosts, const std::vector<PairTest>& tests, const std::vector<SelfTest>& self,
                              const LocaliserOptions& options = {});

}  // namespace everstep
