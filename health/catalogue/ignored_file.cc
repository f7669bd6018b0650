#include <re2/re2.h>

#include <set>

#include "base/yaml/item.h"
#include "health/catalogue/catalogue.h"
#include "health/catalogue/item.h"

namespace everstep::health {

namespace {

constexpr std::size_t kIgnoredMax = 64;

struct IgnoredFile {
  std::vector<IgnoredLine> lines{};
};

// That it is about some lines, not about all: a list that ignores everything would be a silent one.
Status CheckLine(const IgnoredLine& line, const std::string& place, std::set<std::string>& seen) {
  const auto bad = [&](const char* key, const std::string& found, const char* legal) -> Status {
    return Fail(ErrorCode::kInvalid, Cat(place, key, ": found ", found, ", legal: ", legal));
  };
  if (!seen.insert(line.pattern).second) return bad(".line", Cat("\"", Printable(line.pattern), "\" twice"), "once");
  const auto matches = [&](const char* text) { return re2::RE2::PartialMatch(text, line.pattern); };
  if (matches("") || (matches("a") && matches("0")))  // also of any character at all
    return bad(".line", Cat("\"", Printable(line.pattern), '"'), "a pattern that does not match every line");
  if (Trim(line.note).empty()) return bad(".note", "nothing", "why such a line is harmless");
  return {};
}

}  // namespace

Result<std::vector<IgnoredLine>> ReadIgnoredLines(std::string_view text, std::string_view file) {
  const yaml::Table<IgnoredLine> line{{
      yaml::Required("line", &IgnoredLine::pattern, PatternType(), "what such a line has in it"),
      yaml::Required("note", &IgnoredLine::note, yaml::Text(), "why it is harmless here"),
  }};
  const yaml::Table<IgnoredFile> table{
      {yaml::Required("kernel_log_ignore", &IgnoredFile::lines,
                      yaml::ListOf(yaml::Item(line), kIgnoredMax, "[{line: 'mycard: link flap', note: …}]"),
                      "lines of the kernel's log that count for nothing")}};
  EVERSTEP_ASSIGN(IgnoredFile read, yaml::Read<IgnoredFile>(table, text, file, {}, [](IgnoredFile& all) -> Status {
                    std::set<std::string> seen;
                    for (std::size_t i = 0; i < all.lines.size(); ++i)
                      EVERSTEP_TRY(CheckLine(all.lines[i], Cat("kernel_log_ignore[", i, ']'), seen));
                    return {};
                  }));
  return std::move(read.lines);
}

}  // namespace everstep::health
