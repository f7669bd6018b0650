#include "base/yaml/print.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"
#include "base/yaml/schema.h"

namespace everstep::yaml {

namespace {

constexpr std::size_t kColumns = 100;

// `text` as comment lines, broken between words.
std::string Comment(std::string_view indent, std::string_view text) {
  std::string out, line;
  for (const std::string& word : Split(text, ' ')) {
    if (!line.empty() && indent.size() + 2 + line.size() + 1 + word.size() > kColumns) {
      out += Cat(indent, "# ", line, '\n');
      line.clear();
    }
    if (!line.empty()) line += ' ';
    line += word;
  }
  return out + Cat(indent, "# ", line, '\n');
}

// What is legal stands behind the value, where the line has room for it, else above.
std::string Line(const std::string& lead, const Entry& entry, bool docs) {
  const std::string line = Cat(lead, entry.name, ": ", entry.value);
  if (!docs || entry.legal.empty()) return line + '\n';
  if (line.size() + 4 + entry.legal.size() > kColumns) return Comment(lead, Cat("[", entry.legal, "]")) + line + '\n';
  return Cat(line, "  # ", entry.legal, '\n');
}

std::string Lines(const std::vector<Entry>& entries, const std::string& indent, bool docs) {
  std::string out;
  for (const Entry& entry : entries) {
    if (entry.absent && !docs) continue;
    const std::string lead = entry.absent ? indent + "# " : indent;
    if (docs) out += Cat(out.empty() ? "" : "\n", Comment(indent, entry.doc));
    if (entry.inside.empty())
      out += Line(lead, entry, docs);
    else
      out += Cat(lead, entry.name, ":\n", Lines(entry.inside, lead + "  ", docs));
  }
  return out;
}

void AddSources(const std::vector<Entry>& entries, const std::vector<Entry>& defaults, const std::string& before,
                const std::map<std::string, std::string>& from, std::vector<Sourced>& out) {
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::string key = before + entries[i].name;
    if (!entries[i].inside.empty()) {
      AddSources(entries[i].inside, defaults[i].inside, key + '.', from, out);
      continue;
    }
    const auto source = from.find(key);
    const std::string otherwise = entries[i].value == defaults[i].value ? "default" : "derived";
    out.push_back({.key = key, .value = entries[i].value, .from = source == from.end() ? otherwise : source->second});
  }
}

}  // namespace

std::vector<Sourced> WithSources(const std::vector<Entry>& entries, const std::vector<Entry>& defaults,
                                 const std::map<std::string, std::string>& from) {
  Check(entries.size() == defaults.size(), "both are of one table");
  std::vector<Sourced> out;
  AddSources(entries, defaults, "", from, out);
  return out;
}

std::string PrintSources(const std::vector<Sourced>& values) {
  std::size_t key_width = 3, value_width = 5;
  for (const Sourced& value : values) {
    key_width = std::max(key_width, value.key.size());
    value_width = std::max(value_width, value.value.size());
  }
  const auto padded = [](std::string text, std::size_t width) { return text.append(width + 2 - text.size(), ' '); };
  std::string out = Cat(padded("KEY", key_width), padded("VALUE", value_width), "FROM\n");
  for (const Sourced& value : values)
    out += Cat(padded(value.key, key_width), padded(value.value, value_width), value.from, '\n');
  return out;
}

namespace {

std::vector<std::string> SourcesAsObjects(const std::vector<Sourced>& values) {
  std::vector<std::string> objects;
  for (const Sourced& value : values)
    objects.push_back(Cat("{\"key\":", JsonQuote(value.key), ",\"value\":", JsonQuote(value.value == "\"\"" ? "" : value.value),
                          ",\"from\":", JsonQuote(value.from), '}'));
  return objects;
}

}  // namespace

std::string PrintSourcesAsJson(const std::vector<Sourced>& values) {
  return Cat('[', Join(SourcesAsObjects(values), ","), "]\n");
}
std::string PrintSourcesAsJsonLines(const std::vector<Sourced>& values) { return Join(SourcesAsObjects(values), "\n") + '\n'; }

std::string Print(const std::vector<Entry>& entries) { return Lines(entries, "", false); }

std::string PrintWithDocs(std::string_view title, const std::vector<Entry>& entries) {
  std::string out;
  for (const std::string& line : Split(title, '\n')) out += line.empty() ? "#\n" : Comment("", line);
  return Cat(out, '\n', Lines(entries, "", true));
}

}  // namespace everstep::yaml
