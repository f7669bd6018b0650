#include "agent/checkpoint/json_whole.h"

#include <vector>

namespace everstep {

namespace {

constexpr std::string_view kBlanks = " \t\r\n";

// Behind the quote that ends the string which begins at `at`; npos: none does.
std::size_t EndOfString(std::string_view text, std::size_t at) {
  for (++at; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == '"') {
      return at + 1;
    }
  }
  return std::string_view::npos;
}

}  // namespace

bool WholeJson(std::string_view text) {
  std::size_t at = text.find_first_not_of(kBlanks);
  if (at == std::string_view::npos || (text[at] != '{' && text[at] != '[')) return false;
  std::vector<bool> objects;  // of the open brackets, which are braces
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      at = EndOfString(text, at);
      if (at == std::string_view::npos) return false;
      continue;
    }
    ++at;
    if (c == '{' || c == '[') objects.push_back(c == '{');
    if (c != '}' && c != ']') continue;
    if (objects.back() != (c == '}')) return false;
    objects.pop_back();
    if (objects.empty()) return text.find_first_not_of(kBlanks, at) == std::string_view::npos;
  }
  return false;
}

}  // namespace everstep
