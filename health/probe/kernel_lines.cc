#include "health/probe/kernel_lines.h"

#include <algorithm>

#include "base/text.h"

namespace everstep::health {

Result<KernelLines> KernelLines::Make(const std::vector<Check>& checks) {
  KernelLines lines;
  lines.set_ = std::make_unique<re2::RE2::Set>(re2::RE2::Quiet, re2::RE2::UNANCHORED);
  std::string error;
  const auto add = [&](std::size_t check, const std::vector<std::string>& texts, bool look_alike) {
    for (const std::string& text : texts) {
      if (lines.set_->Add(text, &error) < 0) return false;
      lines.patterns_.push_back({check, look_alike});
    }
    return true;
  };
  for (std::size_t i = 0; i < checks.size(); ++i)
    if (!checks[i].lines.empty() && checks[i].id != kIgnoredLines &&
        !(add(i, checks[i].lines, false) && add(i, checks[i].unless, true)))
      return Fail(ErrorCode::kInvalid, Cat(checks[i].id, ": ", error));
  if (!lines.patterns_.empty() && !lines.set_->Compile())
    return Fail(ErrorCode::kExhausted, "the patterns for the kernel's log need too much memory together");
  return lines;
}

std::vector<std::size_t> KernelLines::Match(std::string_view line) const {
  std::vector<int> hits;
  if (patterns_.empty() || !set_->Match(re2::StringPiece(line.data(), line.size()), &hits)) return {};
  std::vector<std::size_t> found, not_these;
  for (const int hit : hits) {
    const Pattern& pattern = patterns_[static_cast<std::size_t>(hit)];
    (pattern.look_alike ? not_these : found).push_back(pattern.check);
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  std::erase_if(found,
                [&](std::size_t check) { return std::find(not_these.begin(), not_these.end(), check) != not_these.end(); });
  return found;
}

}  // namespace everstep::health
