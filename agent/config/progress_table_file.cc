#include "agent/config/progress_table_file.h"

#include <set>

#include "base/progress/line_patterns.h"
#include "base/yaml/item.h"
#include "base/yaml/settings.h"

namespace everstep {

namespace {

using yaml::Required;

constexpr std::size_t kLinesMax = 200;
constexpr std::size_t kPatternMax = 1024;

yaml::Type<std::string> PatternType() {
  return yaml::Scalar<std::string>(
      "a regular expression (RE2) that tells {step} or {loss}",
      [](std::string_view text) -> tl::expected<std::string, std::string> {
        std::string pattern(text);
        if (pattern.size() > kPatternMax) return tl::unexpected(Cat("write at most ", kPatternMax, " bytes"));
        if (const Status good = CheckLinePattern(pattern); !good) return tl::unexpected(good.error().Str());
        return pattern;
      },
      [](const std::string& pattern) { return yaml::WriteText(pattern); });
}

const yaml::Table<ProgressTable>& Table() {
  const auto names = yaml::ListOf(yaml::Text(), 50, "[step, global_step]");
  static const yaml::Table<ProgressTable> table{{
      yaml::Nested("json", &ProgressTable::json,
                   yaml::Table<ProgressKeys>{{
                       Required("step", &ProgressKeys::step, names, "keys that may hold the step"),
                       Required("total", &ProgressKeys::total, names, "keys that may hold the number of steps in all"),
                       Required("loss", &ProgressKeys::loss, names, "keys that may hold the loss"),
                   }},
                   "a JSON object on a line of its own counts when it has a step and one of the others"),
      Required("lines", &ProgressTable::lines,
               yaml::ListOf(yaml::Item(yaml::Table<ProgressLine>{{
                                Required("name", &ProgressLine::name, yaml::Name(), "the trainer"),
                                Required("pattern", &ProgressLine::pattern, PatternType(), "what its lines look like"),
                            }}),
                            kLinesMax, "[{name: nanogpt, pattern: 'iter {step}: loss {loss}'}]"),
               "the first that matches a line counts"),
  }};
  return table;
}

Status Finish(ProgressTable& table) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < table.lines.size(); ++i)
    if (!names.insert(table.lines[i].name).second)
      return Fail(ErrorCode::kInvalid, Cat("lines[", i, "]: found the name ", table.lines[i].name, " twice, legal: once"));
  const auto together = LinePatterns::Make(table);
  return together ? Status() : Fail(together.error());
}

}  // namespace

Result<ProgressTable> ReadProgressTable(std::string_view text, std::string_view file) {
  return yaml::Read<ProgressTable>(Table(), text, file, {}, Finish);
}

Result<ProgressTable> LoadProgressTable(const std::string& path) {
  if (path.empty()) return ReadProgressTable(BuiltInProgressText(), "the built-in progress.yaml");
  EVERSTEP_ASSIGN(const std::string text, yaml::ReadConfigFile(path));
  return ReadProgressTable(text, path);
}

}  // namespace everstep
