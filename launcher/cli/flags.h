// Checks of flag values whose ranges do not clutter the help: the error names them when it matters.
#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/text.h"
#include "base/yaml/typo.h"

namespace everstep {

// "4", a whole number within the range.
inline CLI::Validator Between(std::uint64_t min, std::uint64_t max) {
  return CLI::Validator(
      [min, max](const std::string& text) {
        const auto value = ParseUnsigned(text);
        if (value && *value >= min && *value <= max) return std::string();
        return Cat("found \"", Clip(Printable(text), 60), "\", legal: ", min, " to ", max);
      },
      "");
}

inline CLI::Validator OneOf(std::vector<std::string> words) {
  return CLI::Validator(
      [words = std::move(words)](const std::string& text) {
        if (std::find(words.begin(), words.end(), text) != words.end()) return std::string();
        const std::string meant = DidYouMean(text, words);
        return Cat("found \"", Clip(Printable(text), 60), "\", legal: ", Join(words, ", ", " or "), meant.empty() ? "" : "; ",
                   meant);
      },
      "");
}

}  // namespace everstep
