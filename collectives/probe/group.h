// The ranks of a probe, met and joined over the fabric: the same provider on all, every rank's address known to every other.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/seam/clock.h"
#include "collectives/meet/meeting.h"
#include "collectives/ofi/carry.h"
#include "collectives/probe/options.h"

namespace everstep {

struct ProbeGroup {
  std::unique_ptr<Meeting> meeting{};
  std::unique_ptr<Carrier> carrier{};
  std::vector<std::string> hosts{};    // by rank
  std::vector<std::string> devices{};  // by rank: provider and interface
  std::vector<std::uint64_t> pids{};   // by rank

  std::uint32_t rank() const { return meeting->rank(); }
  std::uint32_t ranks() const { return meeting->ranks(); }

  // Mean over all ranks; also a barrier.
  Result<double> Mean(double value);
  Result<double> Largest(double value);
  Status Barrier();
};

// An error of one rank is told to all.
Result<ProbeGroup> JoinGroup(const ProbeIdentity& identity, const ProbeOptions& options, const std::string& host,
                             std::uint64_t pid, Clock& clock);

}  // namespace everstep
