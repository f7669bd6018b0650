// Where the loop's sentences go: the rim writes them down, a test collects them. level: "debug", "info", "warning", "error".
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace everstep {

using LogSink = std::function<void(std::string_view level, std::string message)>;

}  // namespace everstep
