// Is a JSON text all there? Only what a torn write breaks is looked at: it begins with a bracket, and ends with the one that
// closes it. Strict JSON would be too much: Python writes NaN and Infinity.
//
// Cost: O(bytes), a bit for each open bracket.
#pragma once

#include <string_view>

namespace everstep {

bool WholeJson(std::string_view text);

}  // namespace everstep
