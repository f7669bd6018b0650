#include "launcher/cli/text_table.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"
#include "launcher/cli/terminal.h"

namespace everstep {

namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kLastMin = 12;  // less of a sentence says nothing: the line may then be longer than the terminal

std::string Cell(std::string_view text) {
  std::string cell = Printable(text);
  std::replace_if(
      cell.begin(), cell.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
  return cell.empty() ? "-" : cell;
}

std::string Line(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths, const TableStyle& style) {
  std::string line;
  std::size_t used = 0;
  for (std::size_t i = 0; i + 1 < cells.size(); ++i) {
    line += cells[i] + std::string(widths[i] - Columns(cells[i]) + kGap, ' ');
    used += widths[i] + kGap;
  }
  if (!style.columns) return Cat(line, cells.back(), '\n');
  const std::size_t room = std::max(kLastMin, *style.columns > used ? *style.columns - used : 0);
  return Cat(line, style.wrap ? Wrap(cells.back(), room, used) : CutToColumns(cells.back(), room), '\n');
}

}  // namespace

std::string Render(const TextTable& table, const TableStyle& style) {
  std::vector<std::vector<std::string>> lines;
  if (style.titles) lines.push_back(table.titles);
  for (const auto& row : table.rows) {
    Check(row.size() == table.titles.size(), "a row has a cell for each column");
    lines.emplace_back();
    for (const std::string& cell : row) lines.back().push_back(Cell(cell));
  }
  std::vector<std::size_t> widths(table.titles.size());
  for (const auto& cells : lines)
    for (std::size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], Columns(cells[i]));
  std::string out;
  for (const auto& cells : lines) out += Line(cells, widths, style);
  return out;
}

}  // namespace everstep
