#include "collectives/core/rail_loss.h"

#include <set>

#include "base/contains.h"
#include "base/text.h"

namespace everstep {
namespace {

constexpr std::size_t kPairsMin = 3;

struct RailPairs {
  std::set<HostPair> tested{}, failed{};
};

std::vector<RailPairs> PairsByRail(const CheckedHosts& hosts, const std::vector<PairTest>& tests) {
  std::vector<RailPairs> rails(hosts.rails);
  for (const PairTest& test : tests)
    for (const Edge& edge : test.edges) {
      if (edge.rail >= rails.size()) continue;
      rails[edge.rail].tested.insert(test.pair);
      if (edge.fault != EdgeFault::none) rails[edge.rail].failed.insert(test.pair);
    }
  return rails;
}

}  // namespace

std::vector<std::uint32_t> LostRails(const CheckedHosts& hosts, const std::vector<PairTest>& tests) {
  std::vector<std::uint32_t> lost;
  bool another_works = false;
  const std::vector<RailPairs> rails = PairsByRail(hosts, tests);
  for (std::uint32_t rail = 0; rail < rails.size(); ++rail) {
    const auto& [tested, failed] = rails[rail];
    if (tested.size() >= kPairsMin && failed.size() == tested.size()) lost.push_back(rail);
    another_works = another_works || 2 * failed.size() < tested.size();
  }
  return another_works ? lost : std::vector<std::uint32_t>();
}

std::vector<PairTest> WithoutRails(std::vector<PairTest> tests, const std::vector<std::uint32_t>& rails) {
  for (PairTest& test : tests) std::erase_if(test.edges, [&](const Edge& edge) { return Contains(rails, edge.rail); });
  return tests;
}

std::vector<Verdict> LostRailVerdicts(const CheckedHosts& hosts, const std::vector<PairTest>& tests,
                                      const std::vector<std::uint32_t>& rails) {
  std::vector<Verdict> verdicts;
  const std::vector<RailPairs> all = PairsByRail(hosts, tests);
  for (const std::uint32_t rail : rails) {
    const auto pairs = static_cast<std::uint32_t>(all[rail].tested.size());
    Verdict verdict{.kind = VerdictKind::fabric_switch,
                    .hosts = {},
                    .rail = rail,
                    .racks = {},
                    .tested = pairs,
                    .failed = pairs,
                    .ratio = 0,
                    .why = Cat("rail ", rail, " fails between all hosts, ", pairs, " of ", Count(pairs, "pair"),
                               ", and another rail works: its switch, or how it is set up")};
    for (std::uint32_t host = 0; host < hosts.names.size(); ++host) verdict.hosts.push_back(host);
    verdicts.push_back(std::move(verdict));
  }
  return verdicts;
}

}  // namespace everstep
