#include "launcher/cli/checks_text.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/text.h"
#include "launcher/cli/terminal.h"
#include "launcher/cli/view_text.h"

namespace everstep {

namespace {

constexpr std::size_t kChangedFrom = 100;  // columns from which on there is room for how often it changed
constexpr std::size_t kBelowName = 9;      // what is said of a check stands below its name
constexpr Duration kSilence = 30s;         // a monitor says something every 10 s

std::string Shout(CheckState state) {
  std::string name(Name(state));
  std::transform(name.begin(), name.end(), name.begin(), [](char c) { return static_cast<char>(c >= 'a' ? c - 32 : c); });
  return name;
}

bool IsGood(const HostCheck& check) { return check.state == CheckState::ok; }

std::string ShortAgo(Duration age) { return Cat(ShortAge(age), " ago"); }

// "OK 12m ago, FAIL 3m ago"
std::string StatesText(const HostCheck& check) {
  std::vector<std::string> parts;
  for (const CheckChange& change : check.states) parts.push_back(Cat(Shout(change.state), ' ', ShortAgo(change.ago)));
  const std::string more = check.changes >= check.states.size() ? Cat(" (", Count(check.changes, "change"), " in all)") : "";
  return Join(parts) + more;
}

// The newest first, as far as they differ from what is read now.
std::string EarlierValues(const HostCheck& check) {
  std::vector<std::string> parts;
  for (auto value = check.values.rbegin(); value != check.values.rend(); ++value)
    if (value != check.values.rbegin() || value->value != check.value) parts.push_back(value->value);
  return Join(parts);
}

// What is said of it below its line.
std::vector<std::string> Remarks(const HostCheck& check, const HostCheck* above) {
  std::vector<std::string> remarks;
  const bool same = above && above->state == check.state && above->why == check.why;
  if (check.state == CheckState::unknown && !same) remarks.push_back(check.why);
  if (check.state == CheckState::fail || check.state == CheckState::warn)
    remarks.push_back(check.evidence.empty() ? check.why : Cat("read: ", check.evidence));
  if (check.changes > 0) remarks.push_back(Cat("was: ", StatesText(check)));
  if (const std::string earlier = EarlierValues(check); !earlier.empty() && (!IsGood(check) || check.changes > 0))
    remarks.push_back(Cat("values before: ", earlier));
  return remarks;
}

// Names take the room that the other columns leave, and those do not take all.
TextTable TableOf(const HostChecks& checks, const std::optional<std::size_t>& columns) {
  constexpr std::size_t kGap = 2, kNameMin = 20;
  const bool roomy = !columns || *columns >= kChangedFrom;
  TextTable table{.titles = {"STATE", "CHECK", "VALUE", "AGE", "FOR", "BAD"}, .states = 0};
  if (roomy) table.titles.insert(table.titles.end() - 1, "CHANGED");
  for (const HostCheck& check : checks.checks) {
    table.rows.push_back({Shout(check.state), check.scope.empty() ? check.check : Cat(check.check, " of ", check.scope),
                          check.value, check.age ? ShortAge(*check.age) : "", ShortAge(check.in_state), check.limit});
    if (roomy) table.rows.back().insert(table.rows.back().end() - 1, check.changes > 0 ? Cat(check.changes) : "");
  }
  if (!columns) return table;
  std::size_t taken = 0;
  for (std::size_t column = 0; column < table.titles.size(); ++column) {
    if (column == 1) continue;
    const std::size_t most = *columns / 5;
    std::size_t width = Columns(table.titles[column]);
    for (auto& row : table.rows) {
      if (column == 2) row[column] = CutToColumns(row[column], most);
      width = std::max(width, std::min(Columns(row[column]), most));
    }
    taken += width + kGap;
  }
  for (auto& row : table.rows) row[1] = CutToColumns(row[1], std::max(kNameMin, *columns - std::min(taken, *columns)));
  return table;
}

std::string Headline(const HostChecks& checks) {
  std::array<std::size_t, 4> counts{};
  for (const HostCheck& check : checks.checks) ++counts[static_cast<std::size_t>(check.state)];
  std::vector<std::string> parts;
  for (const CheckState state : {CheckState::fail, CheckState::warn, CheckState::unknown, CheckState::ok})
    parts.push_back(Cat(counts[static_cast<std::size_t>(state)], ' ', Shout(state)));
  std::string line = Cat(Join(parts), "; watched for ", ShortAge(checks.watched_for));
  if (checks.age > kSilence) line += Cat("; its monitor has said nothing for ", ShortAge(checks.age));
  if (checks.left_out > 0) line += Cat("; ", Count(checks.left_out, "check"), " left out, for there are too many");
  return line;
}

}  // namespace

std::string ChecksText(const HostChecks& checks, const TableStyle& style) {
  if (!checks.untold.empty() && checks.checks.empty()) return Cat("No checks are shown: ", Printable(checks.untold), '\n');
  const std::vector<std::string> lines = Split(Render(TableOf(checks, style.columns), style), '\n');
  std::string out =
      (checks.untold.empty() ? Headline(checks) : Cat("Its own checks are not shown: ", Printable(checks.untold))) + '\n';
  std::size_t line = 0;
  if (style.titles) out += lines[line++] + '\n';
  const HostCheck* above = nullptr;
  for (const HostCheck& check : checks.checks) {
    out += lines[line++] + '\n';
    for (const std::string& remark : Remarks(check, above)) {
      const std::string text = Printable(remark);
      out += Cat(std::string(kBelowName, ' '), style.columns ? Wrap(text, *style.columns - kBelowName, kBelowName + 2) : text,
                 '\n');
    }
    above = &check;
  }
  return out;
}

}  // namespace everstep
