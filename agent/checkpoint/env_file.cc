#include "agent/checkpoint/env_file.h"

#include <algorithm>

#include "agent/checkpoint/input_file.h"
#include "base/messages.h"
#include "base/text.h"

namespace everstep {

namespace {

constexpr std::size_t kFileBytesMax = 1u << 20;

bool ValidVariable(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const auto legal = [&](char c) { return letter(c) || (c >= '0' && c <= '9'); };
  return !name.empty() && name.size() <= 255 && letter(name.front()) && std::all_of(name.begin(), name.end(), legal);
}

// What is wrong with the line, without a word of its value; empty: nothing.
std::string ReadLine(std::string_view line, std::map<std::string, std::string>& variables) {
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos) return "found no '=', legal: NAME=value";
  const std::string_view name = Trim(line.substr(0, equals));
  if (!ValidVariable(name))
    return "found no name before '=', legal: 1 to 255 letters, digits and '_', not beginning with a digit";
  std::string_view value = Trim(line.substr(equals + 1));
  if (!value.empty() && (value.front() == '"' || value.front() == '\'')) {
    if (value.size() < 2 || value.back() != value.front()) return Cat(name, " has a quote that is not closed on the same line");
    value = value.substr(1, value.size() - 2);
  }
  if (value.find('\0') != std::string_view::npos) return Cat(name, " has a NUL byte");
  if (name.size() + value.size() + 2 > limit::kArgumentBytes)
    return Cat(name, " has ", value.size(), " bytes, legal: at most ", limit::kArgumentBytes - name.size() - 2);
  variables[std::string(name)] = std::string(value);
  return {};
}

}  // namespace

Result<std::map<std::string, std::string>> ParseEnvFile(std::string_view text, const std::string& path) {
  std::map<std::string, std::string> variables;
  std::size_t number = 0;
  for (const std::string& line : Split(text, '\n')) {
    ++number;
    const std::string_view trimmed = Trim(line);
    if (trimmed.empty() || trimmed.front() == '#') continue;
    if (const std::string wrong = ReadLine(trimmed, variables); !wrong.empty())
      return Fail(ErrorCode::kInvalid, Cat("env_from ", path, " line ", number, ": ", wrong));
  }
  return variables;
}

Result<std::map<std::string, std::string>> ReadEnvFile(const std::string& path) {
  const Result<std::string> text = ReadSmallFile(path, kFileBytesMax);
  if (!text) return Fail(text.error().code, Cat("env_from: ", text.error().message));
  return ParseEnvFile(*text, path);
}

}  // namespace everstep
