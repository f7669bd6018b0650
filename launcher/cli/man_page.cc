#include "launcher/cli/man_page.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "launcher/cli/flag_variables.h"

namespace everstep {

namespace {

// The number of the character that begins here, and its bytes.
std::pair<unsigned, std::size_t> Character(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = lead < 0x80 ? 1u : lead < 0xe0 ? 2u : lead < 0xf0 ? 3u : 4u;
  unsigned number = length == 1 ? lead : lead & (0xffu >> (length + 1));
  for (std::size_t i = 1; i < length && i < text.size(); ++i)
    number = number << 6 | (static_cast<unsigned char>(text[i]) & 0x3fu);
  return {number, std::min(length, text.size())};
}

// Text that roff sets as it stands. REQUIRES: UTF-8.
std::string Roff(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  bool line_begins = true;
  while (!text.empty()) {
    const auto [number, length] = Character(text);
    const char c = text.front();
    if (line_begins && (c == '.' || c == '\'')) out += "\\&";
    if (number > 0x7f) {
      out += "\\[u";
      for (int shift = 12; shift >= 0; shift -= 4) out += kHex[number >> shift & 15u];
      out += ']';
    } else if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
    line_begins = c == '\n';
    text.remove_prefix(length);
  }
  return out;
}

std::string Bold(std::string_view text) { return Cat("\\fB", Roff(text), "\\fR"); }
std::string Italic(std::string_view text) { return Cat("\\fI", Roff(text), "\\fR"); }

std::string Head(const std::string& title, const std::string& version, const std::string& name, const std::string& about) {
  return Cat(".\\\" Made by `everstep man`.\n.TH ", title, " 1 \"\" \"Everstep ", version, "\" \"Everstep\"\n.SH NAME\n",
             Roff(name), " \\- ", Roff(about), '\n');
}

// A paragraph for each line; what begins with two blanks is an example, set as it is.
std::string Paragraphs(const std::string& text) {
  std::string out;
  bool example = false;
  for (const std::string& line : Split(text, '\n')) {
    const bool is = line.starts_with("  ");
    if (is != example) {
      out += is ? ".PP\n.RS 4\n.nf\n" : ".fi\n.RE\n";
      example = is;
    }
    if (line.empty())
      out += ".PP\n";
    else
      out += Cat(Roff(is ? std::string_view(line).substr(2) : std::string_view(line)), '\n');
  }
  return example ? out + ".fi\n.RE\n" : out;
}

std::string Flags(const std::vector<FlagWords>& flags) {
  std::string out;
  for (const FlagWords& flag : flags) {
    std::vector<std::string> names;
    for (const std::string& name : flag.names) names.push_back(Bold(name));
    const bool argument = flag.names.size() == 1 && flag.names.front() == flag.value;
    out += Cat(".TP\n", Join(names), flag.value.empty() || argument ? "" : Cat(' ', Italic(flag.value)), '\n', Roff(flag.about),
               flag.standard.empty() ? "" : Cat(" [", Roff(flag.standard), ']'), '\n');
  }
  return out;
}

std::string FlagSections(const std::vector<FlagWords>& flags) {
  std::vector<std::string> groups;
  for (const FlagWords& flag : flags)
    if (groups.empty() || groups.back() != flag.group) groups.push_back(flag.group);
  std::string out = ".SH OPTIONS\n";
  std::vector<std::string> told;
  for (const std::string& group : groups) {
    if (std::find(told.begin(), told.end(), group) != told.end()) continue;
    told.push_back(group);
    std::vector<FlagWords> some;
    for (const FlagWords& flag : flags)
      if (flag.group == group) some.push_back(flag);
    if (group != "Options") out += Cat(".SS ", Roff(group), '\n');
    out += Flags(some);
  }
  return out;
}

constexpr std::string_view kExitStatus = R"(.SH EXIT STATUS
.TP
0
good
.TP
1
it ran, and the answer is bad
.TP
2
misused, or it could not run
.TP
124
a time\-out
.TP
125
.B everstep run
itself was misused or failed; else
.B run
and
.B wait
return the job's own code, 128 and the number of the signal where one ended it
)";

}  // namespace

std::string MainPage(const Surface& surface, const std::string& version) {
  std::string out = Head("EVERSTEP", version, "everstep", "launch distributed fine-tuning and keep it stepping");
  out += Cat(".SH SYNOPSIS\n", Bold("everstep"), ' ', Italic("VERB"), " ...\n.SH DESCRIPTION\n", Roff(surface.about), '\n');
  std::string group;
  for (const VerbWords& verb : surface.verbs) {
    if (verb.group != group) out += Cat(".SS ", Roff(verb.group), '\n');
    group = verb.group;
    out += Cat(".TP\n", Bold(verb.name), '\n', Roff(verb.about), '\n');
  }
  out += Cat(FlagSections(surface.flags), kExitStatus, ".SH ENVIRONMENT\n",
             Roff("The variable that stands for a flag of every verb is named with it in brackets; one of a verb's own is "
                  "EVERSTEP_VERB_FLAG, such as EVERSTEP_RUN_NNODES. NO_COLOR, when not empty, turns colours off."),
             "\n.SH SEE ALSO\n");
  std::vector<std::string> pages;
  for (const VerbWords& verb : surface.verbs) pages.push_back(Cat(Bold("everstep-" + verb.name), "(1)"));
  return Cat(out, Join(pages, ",\n"), '\n');
}

std::string VerbPage(const Surface& surface, const VerbWords& verb, const std::string& version) {
  std::string title = "EVERSTEP-" + verb.name;
  for (char& c : title) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  std::string out = Head(Roff(title), version, "everstep-" + verb.name, verb.about);
  out += Cat(".SH SYNOPSIS\n", Bold("everstep " + verb.name), " [", Italic("flags"), ']');
  for (const FlagWords& argument : verb.arguments) {
    const std::string name = Italic(argument.names.front());
    out += argument.required ? Cat(' ', name) : Cat(" [", name, ']');
  }
  out += verb.name == "run" ? Cat(" [\\-\\-] ", Italic("COMMAND"), " ...\n") : "\n";
  if (!verb.footer.empty()) out += Cat(".SH DESCRIPTION\n", Paragraphs(verb.footer));
  if (!verb.arguments.empty()) out += Cat(".SH ARGUMENTS\n", Flags(verb.arguments));
  std::vector<FlagWords> common = surface.flags;
  for (FlagWords& flag : common) flag.group = "Of every verb";
  std::vector<FlagWords> flags = verb.flags;
  flags.insert(flags.end(), common.begin(), common.end());
  return Cat(out, FlagSections(flags), kExitStatus, ".SH ENVIRONMENT\n",
             Roff(Cat("A flag that is not given is taken from its variable, ", VariablePrefix(verb.name), "FLAG.")),
             "\n.SH SEE ALSO\n", Bold("everstep"), "(1)\n");
}

}  // namespace everstep
