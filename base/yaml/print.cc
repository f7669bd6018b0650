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

std::string Lines(const std::vector<Entry>& entries, const std::string& indent, bool docs) {
  std::string out;
  for (const Entry& entry : entries) {
    if (entry.absent && !docs) continue;
    const std::string lead = entry.absent ? indent + "# " : indent;
    if (docs) {
      if (!out.empty()) out += '\n';
      out += Comment(lead, entry.legal.empty() ? entry.doc : Cat(entry.doc, " [", entry.legal, ']'));
    }
    if (entry.inside.empty())
      out += Cat(lead, entry.name, ": ", entry.value, '\n');
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
  return out + '\n' + Lines(entries, "", true);
}

}  // namespace everstep::yaml
