#include "launcher/core/blame_rules.h"

#include <algorithm>
#include <array>
#include <bitset>

#include "base/text.h"
#include "launcher/core/sentence.h"

namespace everstep {

namespace {

constexpr std::uint32_t kSigabrt = 6, kSigpipe = 13;
constexpr std::string_view kExceptionEnds[] = {"Error", "Exception", "Interrupt"};

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) { return Lower(c); });
  return lower;
}
std::vector<std::string> Lower(const std::vector<std::string>& words) {
  std::vector<std::string> lower;
  for (const std::string& word : words) lower.push_back(Lower(word));
  return lower;
}

// PyTorch writes "[rank0]: " before each line of a traceback.
std::string_view WithoutRank(std::string_view line) {
  const std::size_t end = line.find("]: ");
  return line.starts_with("[rank") && end != std::string_view::npos ? line.substr(end + 3) : line;
}

// "ValueError: boom", "torch.cuda.OutOfMemoryError: CUDA out of memory."
bool NamesException(std::string_view line) {
  const std::string_view name = line.substr(0, line.find(':'));
  const bool word = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
  });
  return word && std::any_of(std::begin(kExceptionEnds), std::end(kExceptionEnds),
                             [&](std::string_view end) { return name.ends_with(end); });
}

// Takes the last line off `text`.
std::string_view TakeLastLine(std::string_view& text) {
  const std::size_t start = text.rfind('\n');
  const std::string_view line = WithoutRank(Trim(start == std::string_view::npos ? text : text.substr(start + 1)));
  text = start == std::string_view::npos ? std::string_view() : text.substr(0, start);
  return line;
}

template <class N>
bool Lists(const std::vector<N>& values, const std::optional<N>& value) {
  return values.empty() || (value && std::find(values.begin(), values.end(), *value) != values.end());
}

bool ByItsEnd(const BlameRule& rule, const RankExit& exit) {
  return (!rule.oom_kill || exit.oom_kill) && Lists(rule.signals, exit.signal) && Lists(rule.codes, exit.code);
}

bool HasWords(const BlameRule& rule) { return !rule.any.empty() || !rule.all.empty() || !rule.none.empty(); }

}  // namespace

// Knows which two bytes follow each other in a text: a word whose first letters do not cannot be in it. Most words of the table
// are in no text.
class BlameRules::Text {
 public:
  explicit Text(std::string_view lower) {
    for (std::size_t i = 1; i < lower.size(); ++i) pairs_.set(At(lower[i - 1], lower[i]));
  }
  bool May(std::string_view word) const {
    for (std::size_t i = 1; i < std::min<std::size_t>(word.size(), 6); ++i)
      if (!pairs_.test(At(word[i - 1], word[i]))) return false;
    return true;
  }

 private:
  static std::size_t At(char a, char b) {
    return std::size_t{static_cast<unsigned char>(a)} << 8 | static_cast<unsigned char>(b);
  }
  std::bitset<1u << 16> pairs_{};
};

BlameRules::BlameRules(std::vector<BlameRule> rules) : rules_(std::move(rules)) {
  for (const BlameRule& rule : rules_) words_.push_back({Lower(rule.any), Lower(rule.all), Lower(rule.none)});
}

const BlameRule* BlameRules::OnLine(const Text& text, const RankExit& exit, std::string_view lower, bool kernel) const {
  const auto in = [&](const std::string& word) { return text.May(word) && lower.find(word) != std::string_view::npos; };
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    const Words& words = words_[i];
    if (rules_[i].kernel != kernel || !HasWords(rules_[i]) || !ByItsEnd(rules_[i], exit)) continue;
    if (!words.any.empty() && std::none_of(words.any.begin(), words.any.end(), in)) continue;
    if (!std::all_of(words.all.begin(), words.all.end(), in) || std::any_of(words.none.begin(), words.none.end(), in)) continue;
    return &rules_[i];
  }
  return nullptr;
}

std::optional<BlameRules::Found> BlameRules::InKernelLog(const RankExit& exit) const {
  const std::string lower = Lower(exit.kernel);
  const Text text(lower);
  for (std::string_view left = exit.kernel; !left.empty();) {
    const std::string_view line = TakeLastLine(left);
    if (const BlameRule* rule = OnLine(text, exit, Lower(line), true)) return Found{rule, Cat("kernel: ", OneLine(line, 160))};
  }
  return std::nullopt;
}

std::optional<BlameRules::Found> BlameRules::Find(const RankExit& exit) const {
  // Who was killed by a signal says nothing about it; only abort() follows words, and a broken pipe.
  if (!exit.oom_kill && !exit.kernel.empty())
    if (auto found = InKernelLog(exit)) return found;
  const bool speaks = !exit.oom_kill && (!exit.signal || exit.signal == kSigabrt || exit.signal == kSigpipe);
  if (speaks && !exit.tail.empty()) {
    const std::string lower = Lower(exit.tail);
    const Text text(lower);
    std::string_view telling = TellingLine(exit.tail);
    if (const BlameRule* rule = OnLine(text, exit, Lower(telling), false)) return Found{rule, OneLine(telling, 160)};
    for (std::string_view left = exit.tail; !left.empty();) {
      const std::string_view line = TakeLastLine(left);
      if (const BlameRule* rule = OnLine(text, exit, Lower(line), false)) return Found{rule, OneLine(line, 160)};
    }
  }
  for (const BlameRule& rule : rules_)
    if (!HasWords(rule) && ByItsEnd(rule, exit)) return Found{&rule, {}};
  return std::nullopt;
}

std::string_view TellingLine(std::string_view tail) {
  std::string_view last;
  while (!tail.empty()) {
    const std::string_view line = TakeLastLine(tail);
    if (NamesException(line)) return line;
    if (last.empty()) last = line;
  }
  return last;
}

}  // namespace everstep
