// Writes the values of a table (table.h) as a YAML file, with or without the words that explain each key.
#pragma once

#include <map>
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

// A value, and where it comes from.
struct Sourced {
  std::string key{};    // "detection.lost_after"
  std::string value{};  // as it would stand in a file
  std::string from{};   // "default", "launcher.yaml:7", "EVERSTEP_LISTEN", "--listen"
};
// The entries in a row, groups as dots. `from` by key; what differs from its default without a source of its own follows from
// another key ("derived").
std::vector<Sourced> WithSources(const std::vector<Entry>& entries, const std::vector<Entry>& defaults,
                                 const std::map<std::string, std::string>& from);
// Three columns with titles.
std::string PrintSources(const std::vector<Sourced>& values);
// The same as a JSON array of objects, in one line.
std::string PrintSourcesAsJson(const std::vector<Sourced>& values);
std::string PrintSourcesAsJsonLines(const std::vector<Sourced>& values);  // one line for each

// `name: value` for every entry that is set.
std::string Print(const std::vector<Entry>& entries);

// The same with every key, each below a comment that says what it is, with what is legal behind it. `title` is a comment at the
// top; its lines are broken as needed.
std::string PrintWithDocs(std::string_view title, const std::vector<Entry>& entries);

}  // namespace everstep::yaml
