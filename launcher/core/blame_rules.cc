#include "launcher/core/blame_rules.h"

#include <algorithm>
#include <array>
#include <bitset>

#include "base/python.h"
#include "base/text.h"
#include "launcher/core/sentence.h"

namespace everstep {

namespace {

constexpr std::uint32_t kSigabrt = 6, kSigpipe = 13;

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

// An exception that only says that another process had one.
bool TellsOfAnother(std::string_view line) { return line.substr(0, line.find(':')).ends_with("ChildFailedError"); }

// A traceback goes on below these with the exception that came of the one above.
constexpr std::string_view kChained[] = {"The above exception was the direct cause of the following exception:",
                                         "During handling of the above exception, another exception occurred:"};

// A program's remark about its own work, however bad the words in it are.
bool IsRemark(std::string_view line) {
  line = line.substr(0, 80);
  if (line.find("NCCL WARN") != std::string_view::npos) return false;  // says why a collective failed
  for (const std::string_view level : {"DEBUG", "INFO", "WARNING", "Warning:", "WARN ", "[W", "retrying", "Retrying"})
    if (line.find(level) != std::string_view::npos) return true;
  return false;
}

// Takes the last line off `text`, with the blanks that it begins with.
std::string_view TakeLastWhole(std::string_view& text) {
  const std::size_t start = text.rfind('\n');
  const std::string_view line = WithoutRank(start == std::string_view::npos ? text : text.substr(start + 1));
  text = start == std::string_view::npos ? std::string_view() : text.substr(0, start);
  return line;
}
std::string_view TakeLastLine(std::string_view& text) { return Trim(TakeLastWhole(text)); }

// What follows is the exception of a traceback, whatever its name.
bool EndsInFrame(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  const std::string_view line = TakeLastWhole(text);
  return line.starts_with("  ") && text.find("Traceback (most recent call last):") != std::string_view::npos;
}

constexpr std::size_t kLinesBefore = 10;  // of an end without an exception: what came earlier is another matter

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
    const std::string_view telling = TellingLine(exit.tail);
    if (const BlameRule* rule = OnLine(text, exit, Lower(telling), false)) return Found{rule, OneLine(telling, 160)};
    if (auto found = Before(text, exit, telling)) return found;
  }
  for (const BlameRule& rule : rules_)
    if (!HasWords(rule) && ByItsEnd(rule, exit)) return Found{&rule, {}};
  return std::nullopt;
}

// The telling line says nothing to the rules: what does the text before it say? An exception speaks for itself, but for those
// that it came of. An abort prints its reason above a list of frames. Any other end may have its reason in the lines before.
std::optional<BlameRules::Found> BlameRules::Before(const Text& text, const RankExit& exit, std::string_view telling) const {
  const std::string_view whole = exit.tail;
  std::string_view left = whole.substr(0, static_cast<std::size_t>(telling.data() - whole.data()));
  const bool exception = NamesException(telling) || EndsInFrame(left);
  bool chained = false;
  for (std::size_t lines = 0; !left.empty() && (exception || exit.signal || lines < kLinesBefore);) {
    const std::string_view line = TakeLastLine(left);
    lines += line.empty() ? 0 : 1;
    if (std::find(std::begin(kChained), std::end(kChained), line) != std::end(kChained)) chained = true;
    if (exception ? !chained || !NamesException(line) : IsRemark(line)) continue;
    if (const BlameRule* rule = OnLine(text, exit, Lower(line), false))
      return Found{rule, OneLine(exception ? telling : line, 160)};
    chained = false;  // the next one further up needs a link of its own
  }
  return std::nullopt;
}

std::string_view TellingLine(std::string_view tail) {
  std::string_view last, below, another, raised;
  while (!tail.empty()) {
    const std::string_view whole = TakeLastWhole(tail), line = Trim(whole);
    // Of any name: what stands at the margin below the frames.
    if (line == "Traceback (most recent call last):" && !raised.empty() && !TellsOfAnother(raised)) return raised;
    if (!line.empty() && whole.front() != ' ' && whole.front() != '\t') raised = line;
    if (TellsOfAnother(line)) {
      if (another.empty()) another = line;
    } else if (NamesException(line)) {
      // "RuntimeError: Error(s) in loading state_dict for Linear:" goes on in the next line.
      if (!line.ends_with(':') || below.empty()) return line;
      return {line.data(), static_cast<std::size_t>(below.data() + below.size() - line.data())};
    }
    if (last.empty()) last = line;
    if (!line.empty()) below = line;
  }
  return another.empty() ? last : another;
}

}  // namespace everstep
