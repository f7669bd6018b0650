// What neighbours measure of each other before a collective is chosen: latency, the gap between messages, bandwidth. A tenth of
// a second.
#pragma once

#include "collectives/core/choice.h"
#include "collectives/probe/group.h"

namespace everstep {

// All ranks call it and get the same model. REQUIRES: at least 2 ranks.
Result<LinkModel> MeasureLinks(ProbeGroup& group, DataType type, std::uint64_t seed, Clock& clock);

}  // namespace everstep
