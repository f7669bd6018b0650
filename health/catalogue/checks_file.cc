#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "base/yaml/item.h"
#include "base/yaml/quantity.h"
#include "base/yaml/typo.h"
#include "health/catalogue/catalogue.h"
#include "health/catalogue/item.h"

namespace everstep::health {

namespace {

using yaml::Key;
using yaml::Required;

constexpr std::size_t kChecksMax = 1000, kLinesMax = 50, kPatternMax = 1024;

// A check whose rules are still text: the unit says how they are read.
struct CheckText {
  Check check{};
  std::string warn{}, fail{};
};

template <class V>
yaml::Row<CheckText> Of(std::string name, V Check::*member, yaml::Type<V> type, std::string doc, bool required = false) {
  auto row = yaml::KeyThrough<CheckText, V>(
      std::move(name), [member](const CheckText& text) { return text.check.*member; },
      [member](CheckText& text, V value) { text.check.*member = std::move(value); }, std::move(type), std::move(doc));
  row.required = required;
  return row;
}

yaml::Table<CheckText> CheckTable() {
  const auto patterns = yaml::ListOf(PatternType(), kLinesMax, "['NVRM: API mismatch']");
  return {{
      Of("id", &Check::id, yaml::Text(), "its name", true),
      Of("what", &Check::what, yaml::Text(), "what it tells", true),
      Of("reads", &Check::reads, yaml::Text(), "files, calls or log lines", true),
      Of("unit", &Check::unit, yaml::EnumOf<Unit>(), "of the value", true),
      Key("warn", &CheckText::warn, yaml::Text(), "a value that is suspect"),
      Key("fail", &CheckText::fail, yaml::Text(), "a value that is bad"),
      Of("window", &Check::window, yaml::DurationBetween(0s, std::chrono::hours(24 * 30)),
         "of a counter: its growth in this time"),
      Of("same", &Check::same, yaml::Bool(), "must be the same on all hosts of one profile"),
      Of("strikes", &Check::strikes, yaml::Integer<std::uint32_t>(1, 100), "bad looks in a row before anything is done"),
      Of("needs", &Check::needs, yaml::EnumOf<Facility>(), "what a host may be without"),
      Of("by", &Check::by, yaml::EnumOf<Reader>(), "who can read it"),
      Of("action", &Check::action, yaml::EnumOf<Action>(), "when it fails"),
      Of("action_is_value", &Check::action_is_value, yaml::Bool(), "the value itself names the action"),
      Of("on_timeout", &Check::on_timeout, yaml::EnumOf<State>(), "the state where reading it does not end"),
      Of("lines", &Check::lines, patterns, "of the kernel's log"),
      Of("unless", &Check::unless, patterns, "look-alikes"),
      Of("programs", &Check::programs, yaml::ListOf(yaml::Text(), kLinesMax, "[nvidia-cuda-mps-server]"),
         "of gpu.daemons: names of programs that belong to the system"),
      Of("remedy", &Check::remedy, yaml::Text(), "what to do", true),
      Of("why", &Check::why, yaml::Text(), "why it matters", true),
      Of("source", &Check::source, yaml::Text(), "whose rule it is", true),
  }};
}

struct ChecksFile {
  std::vector<CheckText> checks{};
};

tl::unexpected<Error> Bad(const std::string& place, std::string found, std::string legal, std::string next = {}) {
  return Fail(ErrorCode::kInvalid, Cat(place, ": found ", found, ", legal: ", legal, next.empty() ? "" : "; ", next));
}

// That a probe knows it, in this unit; or that it is about kernel lines.
Status Known(const Check& check, const std::string& place) {
  std::vector<std::string> ids;
  for (const KnownCheck& known : KnownChecks()) {
    ids.emplace_back(known.id);
    if (known.id != check.id) continue;
    if (!check.lines.empty()) return Bad(Cat(place, ".lines"), "patterns", "none: this check reads something else");
    if (known.unit == check.unit) return {};
    return Bad(Cat(place, ".unit"), std::string(Name(check.unit)), std::string(Name(known.unit)));
  }
  if (check.lines.empty())
    return Bad(Cat(place, ".id"), Cat("the unknown check \"", Printable(check.id), '"'),
               "what a probe knows (everstep check --list), or one with `lines`", DidYouMean(check.id, ids));
  if (check.unit != Unit::count)
    return Bad(Cat(place, ".unit"), std::string(Name(check.unit)), "count, as for all kernel lines");
  return {};
}

Status FinishCheck(CheckText& text, const std::string& place) {
  Check& check = text.check;
  EVERSTEP_TRY(Known(check, place));
  EVERSTEP_ASSIGN(check.warn, RuleFrom(text.warn, check.unit, Cat(place, ".warn")));
  EVERSTEP_ASSIGN(check.fail, RuleFrom(text.fail, check.unit, Cat(place, ".fail")));
  if (const std::string why = Contradiction(check.warn, check.fail, check.unit); !why.empty())
    return Fail(ErrorCode::kInvalid, Cat(place, ".fail: ", why));
  const bool by_idle = std::find(kNoneBeforeAJob.begin(), kNoneBeforeAJob.end(), check.id) != kNoneBeforeAJob.end();
  if (!check.fail && check.action != Action::note && text.warn.empty() && !by_idle)
    return Bad(Cat(place, ".action"), std::string(Name(check.action)), "note: the check never fails");
  const auto above = [](const std::optional<Rule>& rule) { return rule && rule->comparison == Comparison::above; };
  if (check.strikes > 1 && check.window > Duration() && (above(check.warn) || above(check.fail)))
    return Bad(Cat(place, ".strikes"), Cat(check.strikes), "1: each look within the window sees the same growth again");
  if (!check.programs.empty() && check.id != kDaemons)
    return Bad(Cat(place, ".programs"), Join(check.programs), Cat("none: only ", kDaemons, " knows programs by name"));
  if (check.on_timeout != State::unknown && check.on_timeout != State::fail)
    return Bad(Cat(place, ".on_timeout"), std::string(Name(check.on_timeout)), "unknown or fail");
  return {};
}

}  // namespace

yaml::Type<std::string> PatternType() {
  return yaml::Scalar<std::string>(
      "a regular expression (RE2)",
      [](std::string_view text) -> tl::expected<std::string, std::string> {
        if (text.size() > kPatternMax) return tl::unexpected(Cat("write at most ", kPatternMax, " bytes"));
        const re2::RE2 pattern(re2::StringPiece(text.data(), text.size()), re2::RE2::Quiet);
        if (!pattern.ok()) return tl::unexpected(pattern.error());
        return std::string(text);
      },
      [](const std::string& pattern) { return yaml::WriteText(pattern); });
}

tl::expected<double, std::string> NumberText(std::string_view text, Unit unit) {
  if (unit == Unit::bytes) {
    const auto size = ParseSize(text);
    if (!size) return tl::unexpected(Cat("a size such as 16GiB: ", size.error().Str()));
    return static_cast<double>(*size);
  }
  if (unit == Unit::seconds) {
    const auto length = ParseDuration(text);
    if (!length) return tl::unexpected(Cat("a length of time such as 90s: ", length.error().Str()));
    return Seconds(*length);
  }
  double value = 0;
  const auto done = std::from_chars(text.data(), text.data() + text.size(), value);
  if (done.ec != std::errc() || done.ptr != text.data() + text.size() || !(value >= 0) || value > 1e15)
    return tl::unexpected(Cat("a number without a unit: the check's unit is ", Name(unit)));
  return value;
}

Result<std::optional<Rule>> RuleFrom(const std::string& text, Unit unit, const std::string& place) {
  if (text.empty()) return std::optional<Rule>();
  auto rule = ParseRule(text, unit, NumberText);
  if (!rule) return Fail(ErrorCode::kInvalid, Cat(place, ": found \"", Printable(text), "\", legal: ", rule.error()));
  return std::optional<Rule>(*std::move(rule));
}

Result<std::vector<Check>> ReadChecks(std::string_view text, std::string_view file) {
  const yaml::Table<ChecksFile> table{
      {Required("checks", &ChecksFile::checks, yaml::ListOf(yaml::Item(CheckTable()), kChecksMax, "[{id: cpu.online, …}]"),
                "the checks")}};
  EVERSTEP_ASSIGN(ChecksFile read, yaml::Read<ChecksFile>(table, text, file, {}, [](ChecksFile& all) -> Status {
                    std::set<std::string> ids;
                    for (std::size_t i = 0; i < all.checks.size(); ++i) {
                      const std::string place = Cat("checks[", i, ']');
                      const std::string& id = all.checks[i].check.id;
                      if (!ids.insert(id).second) return Bad(Cat(place, ".id"), Cat(id, " twice"), "once");
                      EVERSTEP_TRY(FinishCheck(all.checks[i], place));
                    }
                    return {};
                  }));
  std::vector<Check> checks;
  for (CheckText& one : read.checks) checks.push_back(std::move(one.check));
  return checks;
}

}  // namespace everstep::health
