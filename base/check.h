// Check(condition): a broken invariant ends the process, in release builds too, naming the place. Never for input.
#pragma once

#include <source_location>

namespace everstep {

[[noreturn]] void CheckFailed(const char* what, std::source_location where);

inline void Check(bool holds, const char* what, std::source_location where = std::source_location::current()) {
  if (!holds) [[unlikely]]
    CheckFailed(what, where);
}

}  // namespace everstep
