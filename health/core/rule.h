// Rules as a person writes them, and whether a value breaks one.
//
//   > 85                       a number in the check's unit, bytes as 16GiB, seconds as 90s
//   != tsc    == down | init   words: none of them, any of them
//   != profile cpus            what the host's profile says
//   < 93% of profile memory    a share of that
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "health/core/check.h"

namespace everstep::health {

// The error says what is legal instead. Sizes and lengths of time are read by `number`, who knows how to read them.
using NumberIn = tl::expected<double, std::string> (*)(std::string_view text, Unit unit);
tl::expected<Rule, std::string> ParseRule(std::string_view text, Unit unit, NumberIn number);

// As it would stand in a file. With a profile that has the key, its number stands there: "!= 8 (profile p5)".
std::string ShowRule(const Rule& rule, Unit unit, const Profile* profile = nullptr);

// nullopt: the rule is about something that the profile does not say.
std::optional<bool> Breaks(const Rule& rule, const Reading& reading, const Profile& profile);

// Why a check's two rules cannot both be meant: what fails must have warned before. Empty: they can.
std::string Contradiction(const std::optional<Rule>& warn, const std::optional<Rule>& fail, Unit unit);

}  // namespace everstep::health
