// Long jobs under the failure rates of published traces: how much of their time is useful (ETTR), with a checkpoint every hour
// and at the interval that is advised (Young's), beside what the formula says.
//
// Weeks of a job with thousands of hosts are far too many beats to simulate. Nothing happens between two failures, so beats are
// sampled only where one strikes: how long detection, decision and start take is drawn from failures of whole simulated
// clusters (cluster.h, the production loops), and the time between failures passes in one step.
#pragma once

#include <cstdint>
#include <string>

namespace everstep::sim {

// Prints the tables for the trace of this name ("llama3", "rsc", "finetune"), or for all. False: there is none.
bool Replay(const std::string& name, std::uint64_t runs);

}  // namespace everstep::sim
