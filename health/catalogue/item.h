// What the files of the catalogue have in common: numbers in the unit of a check.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "base/result.h"
#include "base/yaml/types.h"
#include "health/core/rule.h"

namespace everstep::health {

// "16GiB", "90s", "85": the error says what is legal.
tl::expected<double, std::string> NumberText(std::string_view text, Unit unit);

// A rule of this check from a file; empty: none. The error begins with `place`, for yaml::WithPlace.
Result<std::optional<Rule>> RuleFrom(const std::string& text, Unit unit, const std::string& place);

// A regular expression (RE2) of 1 KiB at most.
yaml::Type<std::string> PatternType();

}  // namespace everstep::health
