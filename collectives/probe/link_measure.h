// What neighbours measure of each other before a collective is chosen: latency, the gap between messages, bandwidth. A tenth of
// a second.
#pragma once

#include "base/seam/clock.h"
#include "collectives/backend/backend.h"
#include "collectives/core/choice.h"

namespace everstep {

// All ranks call it and get the same model. REQUIRES: at least 2 ranks.
Result<LinkModel> MeasureLinks(PairLink& link, const Company& company, DataType type, std::uint64_t seed, Clock& clock);

}  // namespace everstep
