// A JSON object on a line of its own, as loggers write them: what its outermost keys hold, as it stands there. More is not
// needed, and less than strict JSON must do: Python writes NaN and Infinity.
//
// Cost: O(bytes), no memory but the values'.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "base/progress/told.h"
#include "base/progress_table.h"

namespace everstep {

// Calls `take` for every outermost key whose value is a number or a string, with the text of the value (of a string: what
// stands between the quotes). False: the line is no such object; some may have been told of by then.
bool ForEachMember(std::string_view line, const std::function<void(std::string_view key, std::string_view value)>& take);

// nullopt: the line is no JSON object, or has no step under one of the names.
std::optional<Told> ReadJsonLine(std::string_view line, const ProgressKeys& keys);

}  // namespace everstep
