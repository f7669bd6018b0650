// Included before everything when clang-tidy 14 reads the tree, and never by a compiler: it lacks what libstdc++ 12's
// <source_location> asks for.
#pragma once

#if !__has_builtin(__builtin_source_location)
#include <cstdint>

namespace std {
struct source_location {
  static constexpr source_location current() noexcept { return {}; }
  constexpr const char* file_name() const noexcept { return ""; }
  constexpr const char* function_name() const noexcept { return ""; }
  constexpr std::uint_least32_t line() const noexcept { return 0; }
};
}  // namespace std
#endif
