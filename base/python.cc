#include "base/python.h"

#include <algorithm>
#include <string_view>

#include "base/text.h"

namespace everstep {

namespace {

// Without an argument, and without ending the interpreter at once, making it wait for a person or changing what a script is
// (-x skips its first line).
constexpr std::string_view kPlainFlags = "bBdEIOPqsSuv";

bool IsPython(std::string_view program) {
  std::string_view name = program.substr(program.rfind('/') + 1);
  if (!name.starts_with("python")) return false;
  name.remove_prefix(6);
  return std::all_of(name.begin(), name.end(), [](char c) { return IsDigit(c) || c == '.'; });
}

}  // namespace

std::optional<std::size_t> InterpreterWords(const std::vector<std::string>& command) {
  if (command.empty() || !IsPython(command.front())) return std::nullopt;
  for (std::size_t i = 1; i < command.size(); ++i) {
    const std::string_view word = command[i];
    if (word == "-m") return i + 1 < command.size() ? std::optional(i) : std::nullopt;
    if (!word.starts_with('-')) return i;
    const std::string_view flags = word.substr(1);
    if (flags == "X" || flags == "W" || flags == "-check-hash-based-pycs") {
      ++i;  // its argument
    } else if (!flags.starts_with('X') && !flags.starts_with('W') &&
               (flags.empty() || flags.find_first_not_of(kPlainFlags) != std::string_view::npos)) {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

bool ValidModule(std::string_view name) {
  bool begins = true;  // a part does
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    if (!letter && (begins || !(IsDigit(c) || c == '.'))) return false;
    begins = c == '.';
  }
  return !name.empty() && !begins && name.size() <= 255;
}

bool NamesException(std::string_view line) {
  const std::string_view name = line.substr(0, line.find(':'));
  const bool word = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || IsDigit(c) || c == '_' || c == '.';
  });
  constexpr std::string_view kEnds[] = {"Error", "Exception", "Interrupt"};
  return word && std::any_of(std::begin(kEnds), std::end(kEnds), [&](std::string_view end) { return name.ends_with(end); });
}

}  // namespace everstep
