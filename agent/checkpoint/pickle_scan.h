// Strings and numbers in a pickle, in the order in which they stand there, without loading it: a pickle is a program, and
// nothing of it is ever run. What is in the memo is looked up, so that a name comes out as often as it was meant.
//
// Knows the opcodes of protocols 0 to 5 (Lib/pickletools.py of CPython). Cost: O(bytes); keeps the memo.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace everstep {

struct PickleValue {
  std::optional<std::string_view> text{};
  std::optional<std::uint64_t> number{};  // a whole one that is not negative
  friend bool operator==(const PickleValue&, const PickleValue&) = default;
};

// Calls `take` for every value that is pushed: those that are neither text nor number come as two nothings. kCorrupt: it is no
// pickle, or ends before its STOP, or does not end with it.
Status ScanPickle(std::string_view pickle, const std::function<void(const PickleValue&)>& take);

}  // namespace everstep
