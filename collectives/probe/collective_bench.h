// One collective over a range of sizes, as nccl-tests does it: out of place and in place, warmed, timed, and once more with
// every hop checked.
#pragma once

#include <functional>

#include "collectives/probe/group.h"
#include "collectives/probe/table.h"

namespace everstep {

using RowDone = std::function<void(const TableRow&, const std::vector<std::string>& wrong)>;

// All sizes of each type and operation. Calls `row` on every rank as soon as one is done, with what was wrong on any rank, by
// round; then adds it to the table.
Status RunCollectiveBench(ProbeGroup& group, const ProbeOptions& options, Clock& clock, ProbeTable& table, const RowDone& row);

}  // namespace everstep
