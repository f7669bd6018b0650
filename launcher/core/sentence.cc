#include "launcher/core/sentence.h"

#include <algorithm>

namespace everstep {

namespace {
constexpr std::size_t kNamed = 8;
}

std::string OneLine(std::string_view text, std::size_t bytes_max) {
  std::string line = Printable(Trim(text));
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
  return Clip(line, bytes_max);
}

std::string NamesOf(const std::vector<NodeId>& nodes) {
  std::vector<std::string> names;
  for (const NodeId& node : nodes) names.push_back(node.value);
  return names.size() <= kNamed ? Join(names, ", ", " and ") : FirstOf(std::move(names), ", ");
}

std::string FirstOf(std::vector<std::string> parts, std::string_view between) {
  if (parts.size() <= kNamed) return Join(parts, between);
  const std::size_t more = parts.size() - kNamed;
  parts.resize(kNamed);
  return Cat(Join(parts, between), " and ", more, " more");
}

}  // namespace everstep
