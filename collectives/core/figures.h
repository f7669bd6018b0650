// Numbers inside sentences: three digits are enough for people.
#pragma once

#include <charconv>
#include <string>

namespace everstep {

// "1.25", "0.00034", "1.2e+09"
inline std::string Figure(double value, int digits = 3) {
  char text[40];
  const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::general, digits);
  return std::string(text, end.ptr);
}

}  // namespace everstep
