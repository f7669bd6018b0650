// PairJson and LoopbackJson: what pair_bench.h holds, in the words and units of the JSON.
#include <cmath>
#include <limits>

#include "base/json/codec.h"
#include "collectives/probe/pair_bench.h"

namespace everstep {
namespace {

// Not finite is null: it was not measured.
constexpr double kNot = std::numeric_limits<double>::quiet_NaN();
double Measured(double value) { return value > 0 ? value : kNot; }

struct RailView {
  double median_bytes_per_second = kNot;
};
EVERSTEP_FIELDS(RailView, median_bytes_per_second)

struct PairView {
  std::string a{};
  std::string b{};
  std::uint32_t rail = 0;
  double latency_p50_seconds = kNot;
  double latency_p99_seconds = kNot;
  double a_to_b_bytes_per_second = kNot;
  double b_to_a_bytes_per_second = kNot;
  double both_bytes_per_second = kNot;
  bool wrong = false;
};
EVERSTEP_FIELDS(PairView, a, b, rail, latency_p50_seconds, latency_p99_seconds, a_to_b_bytes_per_second,
                b_to_a_bytes_per_second, both_bytes_per_second, wrong)

struct FoundView {
  std::string kind{};
  std::vector<std::string> hosts{};
  std::optional<std::uint32_t> rail{};
  std::uint32_t tested = 0;
  std::uint32_t failed = 0;
  std::string why{};
};
EVERSTEP_FIELDS(FoundView, kind, hosts, rail, tested, failed, why)

struct PairsView {
  std::uint32_t version = 1;
  std::uint64_t seed = 0;
  std::uint64_t rounds = 0;
  double median_bytes_per_second = kNot;
  std::vector<RailView> rails{};
  std::vector<PairView> pairs{};
  std::vector<FoundView> verdicts{};
  std::vector<std::string> reasons{};
  std::vector<std::string> wrong_data{};
  std::string below{};  // what the run as a whole should have reached
};
EVERSTEP_FIELDS(PairsView, version, seed, rounds, median_bytes_per_second, rails, pairs, verdicts, reasons, wrong_data, below)

struct MemoryView {
  std::string nic{};
  std::uint64_t bytes = 0;
  double register_seconds = kNot;
  double deregister_seconds = kNot;
  std::string error{};
};
EVERSTEP_FIELDS(MemoryView, nic, bytes, register_seconds, deregister_seconds, error)

struct LoopView {
  std::uint32_t rank = 0;
  std::string host{};
  std::string device{};
  std::string nic{};
  double latency_p50_seconds = kNot;
  double latency_p99_seconds = kNot;
  double bytes_per_second = kNot;
  bool wrong = false;
  std::string wrong_data{};
  std::string error{};
  std::vector<MemoryView> registered{};
};
EVERSTEP_FIELDS(LoopView, rank, host, device, nic, latency_p50_seconds, latency_p99_seconds, bytes_per_second, wrong,
                wrong_data, error, registered)

struct LoopsView {
  std::uint32_t version = 1;
  std::vector<LoopView> loopbacks{};
};
EVERSTEP_FIELDS(LoopsView, version, loopbacks)

}  // namespace

std::string PairJson(const PairFindings& findings) {
  const auto& names = findings.hosts.names;
  PairsView all{.seed = findings.seed,
                .rounds = findings.rounds,
                .median_bytes_per_second = findings.scores[0].median,
                .rails = {},
                .pairs = {},
                .verdicts = {},
                .reasons = findings.reasons,
                .wrong_data = findings.wrong,
                .below = findings.below};
  for (const Scores& scores : findings.scores) all.rails.push_back({scores.median});
  for (const PairMeasurement& m : findings.pairs)
    all.pairs.push_back({.a = names[m.pair.a],
                         .b = names[m.pair.b],
                         .rail = m.rail,
                         .latency_p50_seconds = Measured(m.latency_p50),
                         .latency_p99_seconds = Measured(m.latency_p99),
                         .a_to_b_bytes_per_second = m.one_way[0].value_or(kNot),
                         .b_to_a_bytes_per_second = m.one_way[1].value_or(kNot),
                         .both_bytes_per_second = m.both_ways.value_or(kNot),
                         .wrong = m.wrong[0] || m.wrong[1]});
  for (const Verdict& verdict : findings.verdicts) {
    all.verdicts.push_back({.kind = std::string(Title(verdict.kind)),
                            .hosts = {},
                            .rail = verdict.rail,
                            .tested = verdict.tested,
                            .failed = verdict.failed,
                            .why = verdict.why});
    for (const std::uint32_t host : verdict.hosts) all.verdicts.back().hosts.push_back(names[host]);
  }
  return ToJson(all);
}

std::string LoopbackJson(const ProbeGroup& group, const std::vector<LoopbackMeasurement>& measured) {
  LoopsView all;
  for (const LoopbackMeasurement& one : measured) {
    all.loopbacks.push_back({.rank = one.rank,
                             .host = group.company.hosts[one.rank],
                             .device = group.devices[one.rank],
                             .nic = one.nic,
                             .latency_p50_seconds = Measured(one.latency_p50),
                             .latency_p99_seconds = Measured(one.latency_p99),
                             .bytes_per_second = one.bytes_per_second.value_or(kNot),
                             .wrong = !one.wrong.empty(),
                             .wrong_data = one.wrong,
                             .error = one.error,
                             .registered = {}});
    for (const Registered& memory : one.registered)
      all.loopbacks.back().registered.push_back({.nic = memory.nic,
                                                 .bytes = memory.bytes,
                                                 .register_seconds = Measured(memory.register_seconds),
                                                 .deregister_seconds = Measured(memory.deregister_seconds),
                                                 .error = memory.error});
  }
  return ToJson(all);
}

}  // namespace everstep
