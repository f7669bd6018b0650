// The version of this build, set by the top-level CMakeLists.txt: "0.1.0".
#pragma once

#include <string_view>

namespace everstep {

std::string_view Version();

}  // namespace everstep
