#include "launcher/config/blame_file.h"

#include <set>

#include "base/text.h"
#include "base/yaml/settings.h"
#include "base/yaml/table.h"

namespace everstep {

namespace {

using yaml::EnumOf;
using yaml::Integer;
using yaml::Key;
using yaml::ListOf;
using yaml::Required;
using yaml::Text;

constexpr std::string_view kShipped =
#include "blame_shipped.inc"
    ;
constexpr std::size_t kRulesMax = 1000, kWordsMax = 100;

struct BlameFile {
  std::vector<BlameRule> rules{};
};

const yaml::Table<BlameRule>& RuleTable() {
  const auto words = ListOf(Text(), kWordsMax, "[connection reset by peer]");
  const auto numbers = [](std::uint32_t max) { return ListOf(Integer<std::uint32_t>(1, max), kWordsMax, "[1, 2]"); };
  static const yaml::Table<BlameRule> table{{
      Required("name", &BlameRule::name, yaml::Name(), "of the rule"),
      Required("class", &BlameRule::blame, EnumOf<BlameClass>(), "what is to blame"),
      Key("role", &BlameRule::role, EnumOf<BlameRole>(), "whether it is the cause"),
      Key("retry", &BlameRule::retry, EnumOf<RetryRule>(), "what it means for the retry"),
      Required("means", &BlameRule::means, Text(), "one sentence for people"),
      Key("oom_kill", &BlameRule::oom_kill, yaml::Bool(), "the kernel killed it for want of memory"),
      Key("kernel", &BlameRule::kernel, yaml::Bool(), "its words are looked for in the kernel's log, not in stderr"),
      Key("signals", &BlameRule::signals, numbers(64), "it was killed by one of these"),
      Key("codes", &BlameRule::codes, numbers(255), "it exited with one of these"),
      Key("any", &BlameRule::any, words, "one of these words stands in a line of its stderr"),
      Key("all", &BlameRule::all, words, "and all of these"),
      Key("none", &BlameRule::none, words, "and none of these"),
      Key("samples", &BlameRule::samples, words, "lines that this rule must find"),
      Key("lookalikes", &BlameRule::lookalikes, words, "lines that it must not find"),
  }};
  return table;
}

yaml::Type<BlameRule> Rule() {
  return {.legal = "a rule such as {name: crash, class: code, means: native code crashed, signals: [11]}",
          .read = [](const yaml::Node& node, yaml::Problems& problems) -> std::optional<BlameRule> {
            BlameRule rule;
            const std::size_t before = problems.size();
            yaml::ReadTable(RuleTable(), node, rule, problems);
            return problems.size() == before ? std::optional(std::move(rule)) : std::nullopt;
          },
          .write = [](const BlameRule& rule) { return rule.name; }};
}

const yaml::Table<BlameFile>& FileTable() {
  static const yaml::Table<BlameFile> table{
      {Required("rules", &BlameFile::rules, ListOf(Rule(), kRulesMax, "[{name: crash, …}, …]"), "first come, first served")}};
  return table;
}

// The end of a rank that left this line, such that the rule's other conditions hold.
RankExit EndWith(const BlameRule& rule, const std::string& line) {
  RankExit exit;
  (rule.kernel ? exit.kernel : exit.tail) = line;
  if (!rule.signals.empty())
    exit.signal = rule.signals.front();
  else
    exit.code = rule.codes.empty() ? 1 : rule.codes.front();
  return exit;
}

Status CheckRules(const BlameFile& file, const BlameRules& rules) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < file.rules.size(); ++i) {
    const BlameRule& rule = rules.table()[i];
    const auto bad = [&](std::string_view key, const std::string& what) {
      return Fail(ErrorCode::kInvalid, Cat("rules[", i, "]", key.empty() ? "" : ".", key, ": rule ", rule.name, ": ", what));
    };
    const bool words = !rule.any.empty() || !rule.all.empty();
    if (!names.insert(rule.name).second) return bad("name", "found a second rule of this name, legal: one");
    if (!words && !rule.oom_kill && rule.signals.empty() && rule.codes.empty())
      return bad("", "found nothing that it looks for, legal: any, all, signals, codes or oom_kill");
    for (const auto* list : {&rule.any, &rule.all, &rule.none})
      for (const std::string& word : *list)
        if (word.size() < 2) return bad("any", Cat("found \"", word, "\", legal: words of at least 2 letters"));
    if (words && rule.samples.empty()) return bad("", "found no samples, legal: at least one where it looks for words");
    for (const std::string& line : rule.samples) {
      const auto found = rules.Find(EndWith(rule, line));
      if (found && found->rule == &rule) continue;
      return bad("samples", Cat("found \"", Clip(line, 80), "\", which ",
                                found ? Cat("rule ", found->rule->name, " finds first") : std::string("it does not find")));
    }
    for (const std::string& line : rule.lookalikes) {
      const auto found = rules.Find(EndWith(rule, line));
      if (found && found->rule == &rule && !found->line.empty())
        return bad("lookalikes", Cat("found \"", Clip(line, 80), "\", which it finds"));
    }
  }
  return {};
}

}  // namespace

Result<BlameRules> ReadBlameRules(std::string_view text, std::string_view file) {
  BlameRules rules;
  EVERSTEP_TRY(yaml::Read<BlameFile>(FileTable(), text, file, {}, [&rules](BlameFile& read) {
    rules = BlameRules(read.rules);
    return CheckRules(read, rules);
  }));
  return rules;
}

Result<BlameRules> BlameRulesFrom(const std::string& path) {
  if (path.empty()) return ReadBlameRules(kShipped, "configs/blame.yaml");
  EVERSTEP_ASSIGN(const std::string text, yaml::ReadConfigFile(path));
  return ReadBlameRules(text, path);
}

std::string_view ShippedBlameFile() { return kShipped; }

}  // namespace everstep
