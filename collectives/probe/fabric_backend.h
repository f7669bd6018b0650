// The back end over libfabric: host memory, our own schedules, every hop compared.
#pragma once

#include <memory>

#include "base/seam/clock.h"
#include "collectives/backend/backend.h"
#include "collectives/probe/options.h"

namespace everstep {

// The same provider and version on all ranks, every rank's address known to every other.
Result<std::unique_ptr<Backend>> OpenFabric(const ProbeOptions& options, const Company& company, Clock& clock);

}  // namespace everstep
