// Long jobs under the failure rates of published traces: how much of their time is useful (ETTR), with a checkpoint every hour
// and at the interval that is advised (Young's), beside what the formula says.
//
// Weeks of a job with thousands of hosts are far too many beats to simulate. Nothing happens between two failures, so beats are
// sampled only where one strikes: how long detection, decision and start take is drawn from failures of whole simulated
// clusters (cluster.h, the production loops), and the time between failures passes in one step.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/rng.h"

namespace everstep::sim {

// Seconds. What a save costs the ranks, how much later it is durable, and how long from a failure to the next step.
struct Saves {
  const char* name = "";
  double cost = 0, latency = 0, restart = 0;
};

// From the first sign of a failure to the order to start, in seconds, sorted: of a rank that ends, of a host that falls silent.
struct Recoveries {
  std::vector<double> rank{}, host{};
};

struct LongJob {
  double lasts = 0;      // seconds
  double mttf = 0;       // seconds between failures
  double host_lost = 0;  // share of failures that take a host away without a word; the others are ends of ranks
};

// The useful share of one run of the job. REQUIRES: recoveries of both kinds, interval > 0.
double SimulatedEttr(const LongJob& job, const Saves& saves, const Recoveries& recoveries, double interval, Rng rng);
// Daly's formula for it, and Young's interval, never below the latency.
double PredictedEttr(double mttf, const Saves& saves, double interval);
double AdvisedInterval(double mttf, const Saves& saves);

// Prints the tables for the trace of this name ("llama3", "rsc", "finetune"), or for all. False: there is none.
bool Replay(const std::string& name, std::uint64_t runs);

}  // namespace everstep::sim
