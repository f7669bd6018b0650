#include "collectives/core/localise.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/check.h"
#include "base/contains.h"
#include "base/text.h"
#include "collectives/core/figures.h"
#include "collectives/core/pair_ledger.h"
#include "collectives/core/switch_blocks.h"

namespace everstep {
namespace {

// What some edges have in common: how many failed, how, and how far they were off.
struct Tally {
  std::uint32_t tested = 0;
  std::uint32_t failed = 0;
  std::vector<double> ratios{};
  std::map<EdgeFault, std::uint32_t> faults{};

  void Count(const Edge& edge) {
    ++tested;
    if (edge.fault == EdgeFault::none) return;
    ++failed;
    ++faults[edge.fault];
    if (edge.ratio > 0) ratios.push_back(edge.ratio);
  }
  double Share() const { return tested == 0 ? 0 : static_cast<double>(failed) / tested; }
  double Ratio() const {
    if (ratios.empty()) return 0;
    std::vector<double> sorted = ratios;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
  }
  // "3 without an answer, 5 slow (0.41 of the median)"
  std::string Faults() const {
    std::vector<std::string> parts;
    for (const auto& [fault, times] : faults) {
      const std::string_view what = fault == EdgeFault::slow          ? "slow"
                                    : fault == EdgeFault::below_floor ? "below the floor"
                                    : fault == EdgeFault::silent      ? "without an answer in time"
                                                                      : "with wrong data";
      parts.push_back(Cat(times, " ", what));
    }
    const std::string ratio = Ratio() > 0 ? Cat(", ", Figure(Ratio(), 2), " of the median bandwidth") : "";
    return Cat(Join(parts), ratio);
  }
};

// All edges of a host with partners that nobody has convicted, apart by direction and by rail. Of a pair that was cleared, the
// second look counts.
struct HostEvidence {
  Tally all{}, sent{}, received{};
  std::vector<Tally> rails{};
  std::set<std::uint32_t> partners{}, failed_partners{};
};

HostEvidence EvidenceOn(std::uint32_t host, const CheckedHosts& hosts, const std::vector<PairTest>& tests,
                        const std::vector<bool>& convicted, const std::set<HostPair>& cleared) {
  HostEvidence evidence;
  evidence.rails.resize(hosts.rails);
  for (const PairTest& test : tests) {
    if (test.pair.a != host && test.pair.b != host) continue;
    const std::uint32_t partner = test.pair.a == host ? test.pair.b : test.pair.a;
    if (convicted[partner]) continue;
    evidence.partners.insert(partner);
    if (cleared.contains(test.pair) && !test.retest) continue;
    if (test.Failed()) evidence.failed_partners.insert(partner);
    for (const Edge& edge : test.edges) {
      evidence.all.Count(edge);
      (edge.from == host ? evidence.sent : evidence.received).Count(edge);
      if (edge.rail < evidence.rails.size()) evidence.rails[edge.rail].Count(edge);
    }
  }
  return evidence;
}

// The one rail that fails while the others do not; nullopt: there is none.
std::optional<std::uint32_t> BadRail(const std::vector<Tally>& rails) {
  std::optional<std::uint32_t> bad;
  for (std::uint32_t rail = 0; rail < rails.size(); ++rail) {
    if (rails[rail].Share() < 0.1) continue;
    if (bad) return std::nullopt;
    bad = rail;
  }
  return rails.size() > 1 ? bad : std::nullopt;
}

// One direction that fails while the other, tested as often, does not. The quarter leaves room for noise; but where the other
// fails at all, nearly all of this one must: five of eight beside one of eight come by chance (one in seventeen), as when what
// is lost are the acknowledgements of what is sent.
bool OneWay(const Tally& bad, const Tally& good) {
  return bad.failed >= 2 && good.tested > 0 && 4 * good.Share() <= bad.Share() && (good.failed == 0 || bad.Share() >= 0.75);
}

Verdict HostVerdict(std::uint32_t host, const CheckedHosts& hosts, const HostEvidence& evidence) {
  Verdict verdict{.kind = VerdictKind::host,
                  .hosts = {host},
                  .rail = BadRail(evidence.rails),
                  .racks = {},
                  .tested = static_cast<std::uint32_t>(evidence.partners.size()),
                  .failed = static_cast<std::uint32_t>(evidence.failed_partners.size()),
                  .ratio = evidence.all.Ratio(),
                  .why = {}};
  std::string_view direction;
  if (OneWay(evidence.sent, evidence.received)) {
    verdict.kind = VerdictKind::host_tx;
    direction = ", all of them when it sends";
  } else if (OneWay(evidence.received, evidence.sent)) {
    verdict.kind = VerdictKind::host_rx;
    direction = ", all of them when it receives";
  }
  if (!direction.empty() && std::min(evidence.sent.failed, evidence.received.failed) > 0)
    direction = verdict.kind == VerdictKind::host_tx ? ", most of them when it sends" : ", most of them when it receives";
  if (verdict.rail) verdict.kind = VerdictKind::nic;
  const std::string rail = !verdict.rail        ? ""
                           : hosts.nics.empty() ? Cat(" on rail ", *verdict.rail, " only")
                                                : Cat(" over its ", hosts.nics[host][*verdict.rail], " only");
  verdict.why = Cat(hosts.names[host], " failed with ", verdict.failed, " of ", Count(verdict.tested, "partner"), rail,
                    direction, " (", evidence.all.Faults(), ")");
  return verdict;
}

std::vector<Verdict> SwitchVerdicts(const CheckedHosts& hosts, const std::vector<BadBlock>& blocks,
                                    const std::vector<PairTest>& tests) {
  std::vector<Verdict> verdicts;
  for (const BadBlock& block : blocks) {
    Tally tally;
    for (const PairTest& test : tests)
      if (Contains(block.pairs, test.pair))
        for (const Edge& edge : test.edges) tally.Count(edge);
    Verdict verdict{.kind = VerdictKind::fabric_switch,
                    .hosts = {},
                    .rail = {},
                    .racks = block.racks,
                    .tested = block.tested,
                    .failed = block.failed,
                    .ratio = tally.Ratio(),
                    .why = {}};
    for (std::uint32_t host = 0; host < hosts.racks.size(); ++host)
      if (Contains(block.racks, hosts.racks[host])) verdict.hosts.push_back(host);
    const auto name = [&](std::uint32_t rack) { return hosts.rack_names.empty() ? Cat(rack) : hosts.rack_names[rack]; };
    const std::string where = block.racks.size() == 2
                                  ? Cat("between racks ", name(block.racks[0]), " and ", name(block.racks[1]))
                              : block.inside ? Cat("of rack ", name(block.racks[0]), ", inside it too")
                                             : Cat("from rack ", name(block.racks[0]), " to others, but not inside it");
    verdict.why = Cat(block.failed, " of ", Count(block.tested, "pair"), " ", where, " failed (", tally.Faults(), ")");
    verdicts.push_back(std::move(verdict));
  }
  return verdicts;
}

bool WorksWithOthers(const PairLedger& ledger, std::uint32_t host, std::uint32_t other) {
  const auto& mine = ledger.PairsOf(host);
  return std::any_of(mine.begin(), mine.end(), [&](std::uint32_t index) {
    const PairSum& sum = ledger.pairs()[index];
    return !sum.struck && !sum.Failed() && ledger.Partner(host, index) != other;
  });
}

Verdict PairVerdict(const CheckedHosts& hosts, const PairLedger& ledger, const PairSum& sum,
                    const std::vector<PairTest>& tests) {
  const auto [a, b] = sum.pair;
  Tally all, there, back;
  std::vector<Tally> rails(hosts.rails);
  for (const PairTest& test : tests) {
    if (test.pair != sum.pair) continue;
    for (const Edge& edge : test.edges) {
      all.Count(edge);
      (edge.from == a ? there : back).Count(edge);
      if (edge.rail < rails.size()) rails[edge.rail].Count(edge);
    }
  }
  const bool both_work = WorksWithOthers(ledger, a, b) && WorksWithOthers(ledger, b, a);
  Verdict verdict{.kind = both_work ? VerdictKind::link : VerdictKind::pair,
                  .hosts = {a, b},
                  .rail = BadRail(rails),
                  .racks = {},
                  .tested = sum.tests + sum.retests,
                  .failed = sum.failed + sum.retests_failed,
                  .ratio = all.Ratio(),
                  .why = {}};
  std::string direction;
  if (back.tested > 0 && back.failed == 0) direction = Cat(", only from ", hosts.names[a], " to ", hosts.names[b]);
  if (there.tested > 0 && there.failed == 0) direction = Cat(", only from ", hosts.names[b], " to ", hosts.names[a]);
  verdict.why =
      Cat(hosts.names[a], " and ", hosts.names[b], " failed ", verdict.failed, " of ", Count(verdict.tested, "test"),
          " with each other", verdict.rail ? Cat(" over rail ", *verdict.rail, " only") : "", direction, " (", all.Faults(),
          ")", both_work ? ", and both work with others: test the link again" : ", and nothing tells which of them it is");
  return verdict;
}

}  // namespace

std::string_view Title(VerdictKind kind) {
  switch (kind) {
    case VerdictKind::host: return "HOST";
    case VerdictKind::host_tx: return "HOST-TX";
    case VerdictKind::host_rx: return "HOST-RX";
    case VerdictKind::nic: return "NIC";
    case VerdictKind::link: return "LINK";
    case VerdictKind::fabric_switch: return "SWITCH";
    case VerdictKind::pair: return "PAIR, CANNOT SAY WHICH";
    case VerdictKind::unknown: return "UNKNOWN";
  }
  return "UNKNOWN";
}

std::vector<Verdict> Conclude(const CheckedHosts& hosts, const std::vector<PairTest>& tests, const std::vector<SelfTest>& self,
                              const LocaliserOptions& options) {
  PairLedger ledger(static_cast<std::uint32_t>(hosts.names.size()), tests, options);
  std::vector<Verdict> verdicts;
  std::vector<bool> convicted(hosts.names.size(), false);
  for (const SelfTest& test : self) {
    if (test.passed) continue;
    Check(test.host < hosts.names.size(), "a self-test is of a host of the check");
    convicted[test.host] = true;
    ledger.StrikeAllOf(test.host);
    verdicts.push_back({.kind = test.rail ? VerdictKind::nic : VerdictKind::host,
                        .hosts = {test.host},
                        .rail = test.rail,
                        .racks = {},
                        .tested = 1,
                        .failed = 1,
                        .ratio = 0,
                        .why = Cat(hosts.names[test.host], " failed its own test, without any other host: ", test.why)});
  }
  const std::vector<Verdict> switches = SwitchVerdicts(hosts, StrikeBadBlocks(hosts, ledger), tests);
  verdicts.insert(verdicts.end(), switches.begin(), switches.end());
  std::set<HostPair> cleared;
  for (const PairSum& sum : ledger.pairs())
    if (sum.cleared) cleared.insert(sum.pair);
  for (const PairLedger::Conviction& one : ledger.Peel(options)) {
    // Partners convicted before it explain their own failures; it is judged by the others.
    verdicts.push_back(HostVerdict(one.host, hosts, EvidenceOn(one.host, hosts, tests, convicted, cleared)));
    convicted[one.host] = true;
  }
  for (const std::uint32_t index : ledger.Unexplained())
    verdicts.push_back(PairVerdict(hosts, ledger, ledger.pairs()[index], tests));
  for (std::uint32_t host = 0; host < ledger.hosts(); ++host) {
    if (!ledger.PairsOf(host).empty() || convicted[host] || ledger.hosts() == 1) continue;
    verdicts.push_back({.kind = VerdictKind::unknown,
                        .hosts = {host},
                        .rail = {},
                        .racks = {},
                        .tested = 0,
                        .failed = 0,
                        .ratio = 0,
                        .why = Cat(hosts.names[host], " was in no pair test: nothing is known of its network")});
  }
  return verdicts;
}

}  // namespace everstep
