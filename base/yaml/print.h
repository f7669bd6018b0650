// Writes the values of a table (table.h) as a YAML file, with or without the words that explain each key.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace everstep::yaml {

struct Entry {
  std::string name{};
  std::string doc{};
  std::string legal{};
  std::string value{};          // in one line; empty when `inside` has the values
  std::vector<Entry> inside{};  // one level deeper
  bool absent = false;          // not set as a whole: commented out, or left out
};

// `name: value` for every entry that is set.
std::string Print(const std::vector<Entry>& entries);

// The same with every key, each below a comment that says what it is, with what is legal behind it. `title` is a comment at the
// top; its lines are broken as needed.
std::string PrintWithDocs(std::string_view title, const std::vector<Entry>& entries);

}  // namespace everstep::yaml
