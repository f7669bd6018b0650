#include "base/progress/json_line.h"

#include <algorithm>
#include <string>

#include "base/messages.h"
#include "base/progress/numbers.h"
#include "base/text.h"

namespace everstep {

namespace {

constexpr std::string_view kBlanks = " \t";

// Goes through a text from left to right.
class Scan {
 public:
  explicit Scan(std::string_view text) : rest_(text) {}

  bool Done() { return SkipBlanks(), rest_.empty(); }
  bool Take(char c) {
    SkipBlanks();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // What stands between the quotes; escapes stay as they are.
  std::optional<std::string_view> String() {
    if (!Take('"')) return std::nullopt;
    for (std::size_t i = 0; i < rest_.size(); ++i) {
      if (rest_[i] == '\\') {
        ++i;
      } else if (rest_[i] == '"') {
        const std::string_view inside = rest_.substr(0, i);
        rest_.remove_prefix(i + 1);
        return inside;
      }
    }
    return std::nullopt;
  }
  // A number or a word: true, null, NaN.
  std::string_view Bare() {
    SkipBlanks();
    const std::size_t end = std::min(rest_.find_first_of(",}] \t"), rest_.size());
    const std::string_view word = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return word;
  }
  // Over a whole array or object.
  bool Skip() {
    for (std::size_t depth = 0; !rest_.empty();) {
      const char c = rest_.front();
      if (c == '"') {
        if (!String()) return false;
        continue;
      }
      rest_.remove_prefix(1);
      if (c == '[' || c == '{') ++depth;
      if ((c == ']' || c == '}') && --depth == 0) return true;
    }
    return false;
  }
  bool AtNested() { return SkipBlanks(), rest_.starts_with('[') || rest_.starts_with('{'); }
  bool AtString() { return SkipBlanks(), rest_.starts_with('"'); }

 private:
  void SkipBlanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(kBlanks), rest_.size())); }
  std::string_view rest_;
};

bool IsOneOf(std::string_view word, const std::vector<std::string>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

bool ForEachMember(std::string_view line, const std::function<void(std::string_view, std::string_view)>& take) {
  Scan scan(line);
  if (!scan.Take('{')) return false;
  if (scan.Take('}')) return scan.Done();
  do {
    const auto key = scan.String();
    if (!key || !scan.Take(':')) return false;
    if (scan.AtNested()) {
      if (!scan.Skip()) return false;
      continue;
    }
    const bool quoted = scan.AtString();
    const std::optional<std::string_view> value = quoted ? scan.String() : scan.Bare();
    if (!value || (!quoted && value->empty())) return false;
    take(*key, *value);
  } while (scan.Take(','));
  return scan.Take('}') && scan.Done();
}

std::optional<Told> ReadJsonLine(std::string_view line, const ProgressKeys& keys) {
  Told told;
  const bool whole = ForEachMember(line, [&](std::string_view key, std::string_view value) {
    if (!told.step && IsOneOf(key, keys.step)) told.step = WholeNumber(value);
    if (!told.total && IsOneOf(key, keys.total)) told.total = WholeNumber(value);
    if (!told.loss && IsOneOf(key, keys.loss) && IsNumber(value)) told.loss = std::string(value);
  });
  return whole && told.step ? std::optional(told) : std::nullopt;
}

}  // namespace everstep
