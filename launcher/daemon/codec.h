// Log entries and snapshots as bytes: JSON by the field tables, so that a log can be read with sqlite3 and a pair of eyes.
// Strict on the way back: an entry with an unknown fact or field was written by a newer version and is refused.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "launcher/core/facts.h"
#include "launcher/core/state.h"

namespace everstep {

std::string EncodeEntry(const Entry& entry);
Result<Entry> DecodeEntry(std::string_view bytes);

// Equal states give equal bytes.
std::string EncodeState(const State& state);
Result<State> DecodeState(std::string_view bytes);

}  // namespace everstep
