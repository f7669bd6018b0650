#include "launcher/cli/text_table.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"
#include "launcher/cli/terminal.h"

namespace everstep {

namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kLastMin = 12;    // less of a sentence says nothing: the line may then be longer than the terminal
constexpr std::size_t kBesideMin = 24;  // less to wrap it in is a tower of words
constexpr std::size_t kBelow = 4;       // it stands so far in there

Style StyleOfState(std::string_view state) {
  for (const std::string_view good : {"running", "ready", "done", "OK"})
    if (state == good) return Style::green;
  for (const std::string_view bad : {"failed", "lost", "suspect", "quarantined", "FAIL"})
    if (state == bad) return Style::red;
  for (const std::string_view between :
       {"queued", "preparing", "recovering", "stopping", "away", "draining", "drained", "WARN", "UNKNOWN"})
    if (state == between) return Style::yellow;
  return Style::plain;
}

std::string Cell(std::string_view text) {
  std::string cell = Printable(text);
  std::replace_if(
      cell.begin(), cell.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
  return cell.empty() ? "-" : cell;
}

std::string Line(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths, const TextTable& table,
                 const TableStyle& style) {
  const bool titles = &cells == &table.titles;
  std::string line;
  std::size_t used = 0;
  for (std::size_t i = 0; i + 1 < cells.size(); ++i) {
    const Terminal terminal{.colour = style.colour && table.states == i && !titles};
    line += Paint(terminal, StyleOfState(cells[i]), cells[i]) + std::string(widths[i] - Columns(cells[i]) + kGap, ' ');
    used += widths[i] + kGap;
  }
  if (!style.columns) return Cat(line, cells.back(), '\n');
  if (style.wrap && used > 0 && *style.columns < used + kBesideMin && Columns(cells.back()) + used > *style.columns) {
    line.erase(line.find_last_not_of(' ') + 1);
    return Cat(line, '\n', std::string(kBelow, ' '), Wrap(cells.back(), *style.columns - kBelow, kBelow), '\n');
  }
  const std::size_t room = std::max(kLastMin, *style.columns > used ? *style.columns - used : 0);
  return Cat(line, style.wrap ? Wrap(cells.back(), room, used) : CutToColumns(cells.back(), room), '\n');
}

}  // namespace

std::string Render(const TextTable& table, const TableStyle& style) {
  TextTable shown{.titles = table.titles, .states = table.states};
  for (const auto& row : table.rows) {
    Check(row.size() == table.titles.size(), "a row has a cell for each column");
    shown.rows.emplace_back();
    for (const std::string& cell : row) shown.rows.back().push_back(Cell(cell));
  }
  std::vector<std::size_t> widths(table.titles.size());
  const auto widen = [&widths](const std::vector<std::string>& cells) {
    for (std::size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], Columns(cells[i]));
  };
  if (style.titles) widen(shown.titles);
  for (const auto& cells : shown.rows) widen(cells);
  std::string out;
  if (style.titles) out += Line(shown.titles, widths, shown, style);
  for (const auto& cells : shown.rows) out += Line(cells, widths, shown, style);
  return out;
}

}  // namespace everstep
