#include "base/progress/numbers.h"

#include <algorithm>

#include "base/messages.h"
#include "base/text.h"

namespace everstep {

namespace {
constexpr std::uint64_t kMost = 1'000'000'000'000'000;

// Takes digits from the front; how many.
std::size_t TakeDigits(std::string_view& text) {
  const auto end = std::find_if_not(text.begin(), text.end(), IsDigit);
  const auto count = static_cast<std::size_t>(end - text.begin());
  text.remove_prefix(count);
  return count;
}
bool TakeOne(std::string_view& text, std::string_view of) {
  if (text.empty() || of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}
}  // namespace

std::optional<std::uint64_t> WholeNumber(std::string_view text) {
  if (text.ends_with(".0")) text.remove_suffix(2);
  const auto number = ParseUnsigned(text);
  return number && *number <= kMost ? number : std::nullopt;
}

bool IsNumber(std::string_view text) {
  if (text.empty() || text.size() > limit::kLossBytes) return false;
  TakeOne(text, "+-");
  for (const std::string_view word : {"nan", "NaN", "inf", "Infinity"})
    if (text == word) return true;
  std::size_t digits = TakeDigits(text);
  if (TakeOne(text, ".")) digits += TakeDigits(text);
  if (digits == 0) return false;
  if (!TakeOne(text, "eE")) return text.empty();
  TakeOne(text, "+-");
  return TakeDigits(text) > 0 && text.empty();
}

}  // namespace everstep
