// Checks of flag values whose ranges do not clutter the help: the error names them when it matters.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace everstep {

template <class N>
CLI::Validator Between(N min, N max) {
  return CLI::Range(min, max).description("");
}

inline CLI::Validator OneOf(const std::vector<std::string>& words) { return CLI::IsMember(words).description(""); }

}  // namespace everstep
