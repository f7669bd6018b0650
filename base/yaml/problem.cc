#include "base/yaml/problem.h"

#include <algorithm>
#include <tuple>

#include "base/check.h"
#include "base/text.h"

namespace everstep::yaml {

std::string Problem::Str(std::string_view file) const {
  std::string out = Cat(file, ':', line, ':', column, ": ");
  if (!key.empty()) out += Cat(key, ": ");
  out += Cat("found ", found);
  if (!legal.empty()) out += Cat(", legal: ", legal);
  if (!next.empty()) out += Cat("; ", next);
  return out;
}

Error AsError(std::string_view file, Problems problems) {
  Check(!problems.empty(), "an error needs a problem");
  // A key that is missing has no place of its own, and is often the one that was misspelt: it comes last.
  const auto place = [](const Problem& problem) {
    return std::tuple(problem.next.starts_with("add the key "), problem.line, problem.column);
  };
  std::stable_sort(problems.begin(), problems.end(), [&](const auto& a, const auto& b) { return place(a) < place(b); });
  constexpr std::size_t kShown = 20;
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < std::min(problems.size(), kShown); ++i) lines.push_back(problems[i].Str(file));
  if (problems.size() > kShown) lines.push_back(Cat(file, ": and ", Count(problems.size() - kShown, "problem"), " more"));
  return {.code = ErrorCode::kInvalid, .message = Join(lines, "\n"), .hint = {}};
}

}  // namespace everstep::yaml
