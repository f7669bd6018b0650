// The ranks of a probe, met, with the back end that moves their bytes: the same kind and version of it on all.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/seam/clock.h"
#include "collectives/backend/backend.h"
#include "collectives/meet/meeting.h"
#include "collectives/probe/identity.h"
#include "collectives/probe/options.h"

namespace everstep {

struct ProbeGroup {
  std::unique_ptr<Meeting> meeting{};
  Company company{};
  std::unique_ptr<Backend> backend{};
  std::vector<std::string> devices{};  // by rank
  std::vector<std::uint64_t> pids{};   // by rank

  std::uint32_t rank() const { return company.rank; }
  std::uint32_t ranks() const { return company.ranks; }
};

// Opens a back end among ranks that have met. What it asks of the company, it asks on all ranks.
using BackendMaker = std::function<Result<std::unique_ptr<Backend>>(const ProbeOptions&, const Company&, Clock&)>;

// An error of one rank is told to all. `blames`, `waits`: as MeetingPlace has them.
Result<ProbeGroup> JoinGroup(const ProbeIdentity& identity, const ProbeOptions& options, const std::string& host,
                             std::uint64_t pid, Clock& clock, const BackendMaker& make,
                             decltype(MeetingPlace::blames) blames = {}, decltype(MeetingPlace::waits) waits = {});

}  // namespace everstep
