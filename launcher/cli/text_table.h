// A table without borders: columns two blanks apart, titles in capitals, one line a row, made for eyes, grep and awk alike.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace everstep {

struct TextTable {
  std::vector<std::string> titles{};
  std::vector<std::vector<std::string>> rows{};  // as many cells as titles; an empty cell is shown as "-"
  std::optional<std::size_t> states{};           // the column with a state of a job or a host: it may be coloured
};

struct TableStyle {
  bool titles = true;
  std::optional<std::size_t> columns{};  // the last column is made to fit; nullopt: it is left as it is
  // It goes on below itself instead of being cut; below its row where there is too little room for a sentence beside it.
  bool wrap = false;
  bool colour = false;
};

// Line breaks and control characters in cells become blanks and '?'.
std::string Render(const TextTable& table, const TableStyle& style);

}  // namespace everstep
