// JSON text is UTF-8; what a rank wrote to its stderr need not be. Strings pass through these two, so that any bytes survive:
//
//   DecodeBytes(EncodeBytes(s)) == s      for every s
//
// A byte b that is not part of valid UTF-8 becomes the code point U+10FE00 + b (private use, plane 16: U+10FE80 to U+10FEFF).
// Those code points themselves, should they occur in s, are taken as four such bytes each. All else stands as it is.
#pragma once

#include <string>
#include <string_view>

namespace everstep {

// Always valid UTF-8; equal to `bytes` when that is plain UTF-8.
std::string EncodeBytes(std::string_view bytes);

// REQUIRES: `text` is valid UTF-8.
std::string DecodeBytes(std::string_view text);

}  // namespace everstep
