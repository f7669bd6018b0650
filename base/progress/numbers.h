// Numbers as trainers print them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace everstep {

// "120" and, as JSON libraries write what was a float, "120.0"; nullopt for anything else, and for more than 10^15.
std::optional<std::uint64_t> WholeNumber(std::string_view text);
// "2.31", "1e-05", "nan", "Infinity"; at most limit::kLossBytes.
bool IsNumber(std::string_view text);

}  // namespace everstep
