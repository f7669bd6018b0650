#include "base/progress/line_patterns.h"

#include <re2/re2.h>
#include <re2/set.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/progress/json_line.h"
#include "base/progress/numbers.h"
#include "base/text.h"

namespace everstep {

namespace {

constexpr std::int64_t kMemory = 4 << 20;  // of one automaton
constexpr std::size_t kOwnSource = kFileSource + 1;
constexpr std::size_t kJsonSource = kOwnSource + 1;
constexpr std::size_t kFirstLine = kJsonSource + 1;

constexpr std::string_view kNumber = R"([-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|nan|NaN|inf|Infinity))";
constexpr std::string_view kClock = R"((?:\d+:)?\d+:\d\d)";
constexpr std::string_view kDigits = R"(\d+)";

struct Word {
  std::string_view name;
  std::string_view pattern;
};
constexpr std::array kWords = {Word{"step", kDigits},   Word{"total", kDigits},     Word{"epoch", kDigits},
                               Word{"epochs", kDigits}, Word{"nth_epoch", kDigits}, Word{"loss", kNumber},
                               Word{"elapsed", kClock}};

std::string KnownWords() {
  std::vector<std::string> names;
  for (const Word& word : kWords) names.push_back(Cat('{', word.name, '}'));
  names.push_back("{number}");
  return Join(names);
}

// With the words in braces as named groups.
Result<std::string> Expand(std::string_view pattern) {
  std::string out;
  while (!pattern.empty()) {
    const std::size_t end = pattern.starts_with('{') ? pattern.find('}') : std::string_view::npos;
    const std::string_view name = end == std::string_view::npos ? std::string_view() : pattern.substr(1, end - 1);
    if (name.empty() || name.front() < 'a' || name.front() > 'z') {  // {2,3} is a count
      out += pattern.front();
      pattern.remove_prefix(1);
      continue;
    }
    const auto word = std::find_if(kWords.begin(), kWords.end(), [&](const Word& w) { return w.name == name; });
    if (word == kWords.end() && name != "number")
      return Fail(ErrorCode::kInvalid, Cat("unknown word {", Clip(Printable(name), 40), "}, known are ", KnownWords()));
    if (name != "number" && out.find(Cat("(?P<", name, '>')) != std::string::npos)
      return Fail(ErrorCode::kInvalid, Cat("the word {", name, "} stands twice"));
    out += name == "number" ? Cat("(?:", kNumber, ')') : Cat("(?P<", word->name, '>', word->pattern, ')');
    pattern.remove_prefix(end + 1);
  }
  return out;
}

// Bytes, not UTF-8, for our own patterns: rubbish between a bar's signs is no reason to miss it.
RE2::Options OptionsWith(RE2::Options::Encoding encoding) {
  RE2::Options options;
  options.set_encoding(encoding);
  options.set_log_errors(false);
  options.set_max_mem(kMemory);
  options.set_never_nl(true);
  return options;
}

Result<std::unique_ptr<RE2>> Compile(const std::string& pattern, RE2::Options::Encoding encoding) {
  auto compiled = std::make_unique<RE2>(pattern, OptionsWith(encoding));
  if (!compiled->ok())
    return Fail(ErrorCode::kInvalid, Cat("no regular expression: ", Printable(compiled->error())),
                "the syntax is RE2's: no look-around, no back-references");
  return compiled;
}

Result<std::unique_ptr<RE2>> CompileOwn(const std::string& pattern) {
  auto compiled = Compile(pattern, RE2::Options::EncodingUTF8);
  if (!compiled) return Fail(compiled.error().code, Cat("progress.step: ", compiled.error().message), compiled.error().hint);
  if ((*compiled)->NumberOfCapturingGroups() != 1)
    return Fail(ErrorCode::kInvalid,
                Cat("progress.step: found ", Count(static_cast<std::uint64_t>((*compiled)->NumberOfCapturingGroups()), "group"),
                    ", legal: exactly one, the step"),
                "such as 'step=(\\d+)'; (?:…) groups without capturing");
  return compiled;
}

std::optional<Duration> Elapsed(std::string_view clock) {
  Duration elapsed{0};
  for (const std::string& part : Split(clock, ':')) {
    const auto number = WholeNumber(part);
    if (!number || *number > 1'000'000) return std::nullopt;
    elapsed = elapsed * 60 + std::chrono::seconds(*number);
  }
  return elapsed;
}

// One line of the table.
struct Line {
  std::unique_ptr<RE2> expression{};
  std::vector<std::string> groups{};  // by number, from 1; empty: a group without a name
};

Result<Line> CompileLine(const std::string& pattern) {
  EVERSTEP_ASSIGN(const std::string expanded, Expand(pattern));
  Line line;
  EVERSTEP_ASSIGN(line.expression, Compile(expanded, RE2::Options::EncodingLatin1));
  line.groups.resize(static_cast<std::size_t>(line.expression->NumberOfCapturingGroups()) + 1);
  for (const auto& [number, name] : line.expression->CapturingGroupNames())
    line.groups[static_cast<std::size_t>(number)] = name;
  const auto has = [&line](std::string_view name) {
    return std::find(line.groups.begin(), line.groups.end(), name) != line.groups.end();
  };
  if (!has("step") && !has("loss")) return Fail(ErrorCode::kInvalid, "tells neither {step} nor {loss}");
  for (const std::string_view name : {"epoch", "nth_epoch", "epochs", "elapsed"})
    if (has(name) && (!has("step") || !has("total")))
      return Fail(ErrorCode::kInvalid, Cat('{', name, "} says something only beside {step} and {total}"));
  return line;
}

void Put(Told& told, const std::string& name, std::string_view text) {
  if (name == "step") told.step = WholeNumber(text);
  if (name == "total") told.total = WholeNumber(text);
  if (name == "epoch") told.epoch = WholeNumber(text);
  if (name == "epochs") told.epochs = WholeNumber(text);
  if (name == "elapsed") told.elapsed = Elapsed(text);
  if (name == "loss" && IsNumber(text)) told.loss = std::string(text);
  if (name == "nth_epoch")
    if (const auto number = WholeNumber(text); number && *number > 0) told.epoch = *number - 1;
}

}  // namespace

struct LinePatterns::Compiled {
  std::unique_ptr<RE2> own{};
  ProgressKeys json{};
  std::vector<Line> lines{};
  RE2::Set all{OptionsWith(RE2::Options::EncodingLatin1), RE2::UNANCHORED};
};

Result<LinePatterns> LinePatterns::Make(const ProgressTable& table) {
  auto compiled = std::make_shared<Compiled>();
  if (!table.step.empty()) {
    EVERSTEP_ASSIGN(compiled->own, CompileOwn(table.step));
  }
  compiled->json = table.json;
  for (const ProgressLine& row : table.lines) {
    Result<Line> line = CompileLine(row.pattern);
    if (!line) return Fail(ErrorCode::kInvalid, Cat(Printable(row.name), ": ", line.error().message), line.error().hint);
    if (compiled->all.Add(line->expression->pattern(), nullptr) < 0)
      return Fail(ErrorCode::kInvalid, Cat(Printable(row.name), ": cannot be combined with the others"));
    compiled->lines.push_back(*std::move(line));
  }
  if (!compiled->all.Compile()) return Fail(ErrorCode::kExhausted, "the patterns together need too much memory");
  LinePatterns patterns;
  patterns.compiled_ = std::move(compiled);
  return patterns;
}

std::optional<Told> LinePatterns::Read(std::string_view line) const {
  if (!compiled_) return std::nullopt;
  const Compiled& all = *compiled_;
  if (re2::StringPiece step; all.own && RE2::PartialMatch(line, *all.own, &step))
    if (const auto number = WholeNumber(Trim({step.data(), step.size()}))) return Told{.source = kOwnSource, .step = number};

  std::optional<Told> told;
  if (line.starts_with('{') && line.ends_with('}')) told = ReadJsonLine(line, all.json);
  if (told && (told->total || told->loss)) {
    told->source = kJsonSource;
  } else {
    std::vector<int> matching;
    if (all.lines.empty() || !all.all.Match(line, &matching)) return std::nullopt;
    const auto first = static_cast<std::size_t>(*std::min_element(matching.begin(), matching.end()));
    const Line& found = all.lines[first];
    std::vector<re2::StringPiece> groups(found.groups.size());
    if (!found.expression->Match(line, 0, line.size(), RE2::UNANCHORED, groups.data(), static_cast<int>(groups.size())))
      return std::nullopt;
    told = Told{.source = kFirstLine + first};
    for (std::size_t i = 1; i < groups.size(); ++i)
      if (groups[i].data() != nullptr) Put(*told, found.groups[i], {groups[i].data(), groups[i].size()});
  }
  if (all.own) told = Told{.source = told->source, .loss = std::move(told->loss)};  // the job's own count is another one
  return told;
}

Status CheckStepPattern(const std::string& pattern) {
  EVERSTEP_TRY(CompileOwn(pattern));
  return {};
}

Status CheckLinePattern(const std::string& pattern) {
  EVERSTEP_TRY(CompileLine(pattern));
  return {};
}

}  // namespace everstep
