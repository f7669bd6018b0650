// Small text building for sentences and parsing for words, without streams, locale or a formatting library.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace everstep {

inline void AppendText(std::string& out, std::string_view text) { out += text; }
inline void AppendText(std::string& out, char c) { out += c; }
template <class N>
requires(std::is_integral_v<N> && !std::is_same_v<N, char> && !std::is_same_v<N, bool>) void AppendText(std::string& out,
                                                                                                        N number) {
  out += std::to_string(number);
}
template <class T>
requires requires(const T& t) { t.Str(); }
void AppendText(std::string& out, const T& value) { out += value.Str(); }

// Cat("n", 3, " lost"): the parts one after another. Takes text, characters, integers and anything with Str().
template <class... Parts>
std::string Cat(const Parts&... parts) {
  std::string out;
  (AppendText(out, parts), ...);
  return out;
}

// "a, b, c"; with `last` = " and ": "a, b and c".
std::string Join(const std::vector<std::string>& parts, std::string_view between = ", ", std::string_view last = {});

// "1 host", "3 hosts"
std::string Count(std::uint64_t n, std::string_view noun);

std::vector<std::string> Split(std::string_view text, char at);
std::string_view Trim(std::string_view text);

constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// The whole of `text` as a decimal number, or nullopt (also on overflow, sign, blanks).
std::optional<std::uint64_t> ParseUnsigned(std::string_view text);

// Cuts to at most `bytes_max` bytes without splitting a UTF-8 sequence; a cut text ends in "…".
std::string Clip(std::string_view text, std::size_t bytes_max);

// Bytes that are safe to show on a terminal: control characters (but tab and newline) and invalid UTF-8 become '?'.
std::string Printable(std::string_view bytes);

}  // namespace everstep
