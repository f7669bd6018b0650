// All about one thing: a name and its value in each line.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/text.h"
#include "launcher/cli/terminal.h"

namespace everstep {

// "Name        value\n", names in one column, values broken between words at `columns`.
class Paragraph {
 public:
  explicit Paragraph(std::optional<std::size_t> columns) : columns_(columns) {}
  std::string text{};

  void Row(std::string_view name, std::string_view value) {
    constexpr std::size_t kColumn = 12;
    text += Cat(name, std::string(kColumn - name.size(), ' '),
                columns_ ? Wrap(value, *columns_ - kColumn, kColumn) : std::string(value), '\n');
  }

 private:
  std::optional<std::size_t> columns_;
};

}  // namespace everstep
