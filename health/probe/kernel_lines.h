// Which checks a line of the kernel's log is evidence for: the patterns of all of them at once, look-alikes taken out.
//
// Cost: one pass over the line, however many patterns there are.
#pragma once

#include <re2/set.h>

#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "health/core/check.h"

namespace everstep::health {

class KernelLines {
 public:
  // kInvalid: a pattern is no regular expression. Indices are those of `checks`; kIgnoredLines is not among them, as its lines
  // are evidence for nothing.
  static Result<KernelLines> Make(const std::vector<Check>& checks);

  std::vector<std::size_t> Match(std::string_view line) const;

 private:
  struct Pattern {
    std::size_t check = 0;
    bool look_alike = false;
  };
  std::unique_ptr<re2::RE2::Set> set_{};
  std::vector<Pattern> patterns_{};
};

}  // namespace everstep::health
