#include "base/yaml/print.h"

#include "base/text.h"

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

}  // namespace

std::string Print(const std::vector<Entry>& entries) { return Lines(entries, "", false); }

std::string PrintWithDocs(std::string_view title, const std::vector<Entry>& entries) {
  std::string out;
  for (const std::string& line : Split(title, '\n')) out += line.empty() ? "#\n" : Comment("", line);
  return Cat(out, '\n', Lines(entries, "", true));
}

}  // namespace everstep::yaml
