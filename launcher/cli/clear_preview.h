// What `everstep clear` would take back of a host, by what the launcher shows of it. Pure.
#pragma once

#include <string>

#include "base/result.h"
#include "launcher/core/api.h"

namespace everstep {

// "2 alarms of gpu.xid, its quarantine"; empty: there is nothing to clear. `check` empty: all. kNotFound, as the launcher would
// say it: there are alarms, and none of that check.
Result<std::string> WouldClear(const NodeView& node, const std::string& check);

}  // namespace everstep
