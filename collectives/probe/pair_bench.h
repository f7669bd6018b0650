// Who reaches whom how fast: tests of pairs in rounds that share no rank, every byte checked, and from them the verdicts of the
// localiser (collectives/core/localise.h). All ranks learn all results, so each decides alone, and all the same, which pairs
// are tested next.
//
// A pair that fails is a failed pair, not the end of the check; a process that is gone ends it, by name.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "collectives/core/localise.h"
#include "collectives/core/score.h"
#include "collectives/probe/group.h"

namespace everstep {

// What one pair measured over one rail. Of two directions: from `pair.a` first.
struct PairMeasurement {
  HostPair pair{};
  std::uint32_t rail = 0;
  double latency_p50 = 0;  // seconds, half a round trip; 0: none came back
  double latency_p99 = 0;
  std::optional<double> one_way[2]{};  // bytes a second
  std::optional<double> both_ways{};   // the sum of both at once
  bool wrong[2]{};
  bool again = false;  // a second look, longer than the first
};

struct PairFindings {
  std::vector<PairMeasurement> pairs{};  // newest last, retests too; the rails of a test one after the other
  std::size_t rounds = 0;
  std::uint64_t seed = 0;
  // By rail, not empty: each is compared with the same one of other hosts, for rails may differ in speed.
  std::vector<Scores> scores{1};
  std::vector<std::uint32_t> lost_rails{};  // between all hosts (core/rail_loss.h)
  std::vector<Verdict> verdicts{};
  std::optional<Floor> floor{};  // that was to be reached
  CheckedHosts hosts{};
  // The run as a whole is below what it should reach: why; empty: it is not. Then no pair is held against the floor, for hosts
  // that are all slow have no odd one out.
  std::string below{};
  bool below_profile = false;                                     // a person has set the floor; else it was learned
  std::optional<std::pair<BaselineKey, MeasuredRun>> measured{};  // of a run to learn from; nullopt: it is none
  std::string note{};                                             // what makes these tests less than they seem; empty: nothing
  std::vector<std::string> reasons{};                             // why pairs did not answer, a sentence a pair
  std::vector<std::string> wrong{};                               // data that were: rank, sender, where, expected and got
};

// Sizes and counts of messages come from the options: -e bytes a message, -n messages a direction (8). `begins`: told by every
// rank before each round.
Result<PairFindings> RunPairs(ProbeGroup& group, const ProbeOptions& options, Clock& clock,
                              const std::function<void(const PairStep&)>& begins = {});

// The matrix of one-way bandwidths, a heat map of it, latencies, verdicts.
// The same of a run without a finding, in one line.
std::string PairSummary(const PairFindings& findings);
std::string PairText(const PairFindings& findings);
std::string PairJson(const PairFindings& findings);

// A rank with itself, over one of its own NICs; all ranks at once. A line a rank and rail.
struct LoopbackMeasurement {
  std::uint32_t rank = 0;
  std::string nic{};  // "rail 1 (eth1)"; empty: there is one only
  double latency_p50 = 0;
  double latency_p99 = 0;
  std::optional<double> bytes_per_second{};
  std::string wrong{};  // of what came back, a sentence; empty: nothing
  std::string error{};
  std::vector<Registered> registered{};  // of all NICs of the rank, at the first
};
// Sizes registered are a quarter of --register, and it.
Result<std::vector<LoopbackMeasurement>> RunLoopback(ProbeGroup& group, const ProbeOptions& options, Clock& clock);
std::string LoopbackJson(const ProbeGroup& group, const std::vector<LoopbackMeasurement>& all);
std::string LoopbackText(const ProbeGroup& group, const std::vector<LoopbackMeasurement>& all);

}  // namespace everstep
