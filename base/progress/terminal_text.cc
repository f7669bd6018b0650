#include "base/progress/terminal_text.h"

namespace everstep {

std::string WithoutColours(std::string_view line) {
  std::string out;
  while (!line.empty()) {
    const std::size_t escape = line.find("\x1b[");
    out += line.substr(0, escape);
    if (escape == std::string_view::npos) break;
    const std::size_t end = line.find_first_not_of("0123456789;?:", escape + 2);
    line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  }
  return out;
}

}  // namespace everstep
