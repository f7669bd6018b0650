// Lines as a terminal would show them.
#pragma once

#include <string>
#include <string_view>

namespace everstep {

// Takes out "ESC [ … letter" (ECMA-48 control sequences: colours, cursor movements).
std::string WithoutColours(std::string_view line);

}  // namespace everstep
