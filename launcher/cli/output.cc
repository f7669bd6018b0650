#include "launcher/cli/output.h"

#include <algorithm>
#include <set>

#include "base/json/value.h"
#include "base/text.h"
#include "launcher/cli/interrupts.h"

namespace everstep {

namespace {

constexpr Duration kWatchEvery = 1s;

// Would every YAML reader, of 1.1 and of 1.2, take the bare word for this text?
bool PlainInYaml(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (text.empty() || !(letter(text.front()) || text.front() == '/') || text.back() == ' ') return false;
  const bool safe = std::all_of(text.begin(), text.end(), [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') || std::string_view(" _./()+-").find(c) != std::string_view::npos;
  });
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  const std::vector<std::string> words{"no", "yes", "on", "off", "true", "false", "null", "n", "y", ".nan", ".inf"};
  return safe && std::find(words.begin(), words.end(), lower) == words.end();
}

std::string YamlScalar(const JsonValue& value) {
  JsonWriter writer;
  if (const auto* text = std::get_if<std::string>(&value.is)) {
    if (PlainInYaml(*text)) return *text;
    writer.String(*text);
  } else if (const auto* truth = std::get_if<bool>(&value.is)) {
    writer.Bool(*truth);
  } else if (const auto* below = std::get_if<std::int64_t>(&value.is)) {
    writer.Signed(*below);
  } else if (const auto* whole = std::get_if<std::uint64_t>(&value.is)) {
    writer.Unsigned(*whole);
  } else if (const auto* real = std::get_if<double>(&value.is)) {
    writer.Real(*real);
  } else {
    writer.Null();
  }
  return std::move(writer).text();
}

// The lines of a value, each behind `indent` blanks; `lead` stands before the first one instead: "- " or "key: ".
void Write(const JsonValue& value, std::size_t indent, const std::string& lead, std::string& out) {
  const std::string blanks(indent, ' ');
  if (const auto* items = std::get_if<JsonValue::Array>(&value.is); items && !items->empty()) {
    if (!lead.empty()) out += Cat(Trim(lead), '\n');
    for (const JsonValue& item : *items) {
      out += blanks;
      Write(item, indent + 2, "- ", out);
    }
  } else if (const auto* members = std::get_if<JsonValue::Object>(&value.is); members && !members->empty()) {
    const bool in_list = lead == "- ";
    if (in_list) out += lead;
    if (!in_list && !lead.empty()) out += Cat(Trim(lead), '\n');
    for (std::size_t i = 0; i < members->size(); ++i) {
      if (i > 0 || !in_list) out += blanks;
      const JsonMember& member = (*members)[i];
      Write(member.value, indent + 2, Cat(YamlScalar({.is = member.key}), ": "), out);
    }
  } else {
    const bool list = std::holds_alternative<JsonValue::Array>(value.is);
    const bool mapping = std::holds_alternative<JsonValue::Object>(value.is);
    out += Cat(lead, list ? "[]" : mapping ? "{}" : YamlScalar(value), '\n');
  }
}

// As much of it as the screen has room for: what scrolls away could not be drawn over.
std::string OnScreen(std::string_view text, std::size_t rows) {
  std::vector<std::string> lines = Split(text, '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  const std::size_t room = std::max<std::size_t>(rows, 4) - 2;  // a line about the watch below, and the cursor's
  if (lines.size() > room) {
    const std::size_t left = lines.size() - room + 1;
    lines.resize(room - 1);
    lines.push_back(Cat("… and ", Count(left, "line"), " more"));
  }
  std::string out = "\x1b[H";
  for (const std::string& line : lines) out += Cat(line, "\x1b[K\n");
  return out + "\x1b[J";
}

class Watch {
 public:
  explicit Watch(const Cli& cli) : cli_(cli), in_place_(cli.console.out.attended && cli.console.out.colour) {}

  void Show(const Page& page) {
    if (in_place_) {
      if (!before_) WriteOut("\x1b[2J");
      Draw(page, Cat("every ", everstep::Show(kWatchEvery), "; Ctrl-C ends"));
    } else {
      if (!before_) WriteErr(page.notice);
      WriteOut(before_ ? ChangedText(cli_.output, *before_, page) : page.text);
    }
    silent_ = false;
    before_ = page;
  }
  // False: there was no page yet, the error is the verb's.
  bool Bear(const Error& error) {
    if (!before_ || error.code == ErrorCode::kInvalid || error.code == ErrorCode::kNotFound) return false;
    const std::string remark = Cat("the launcher does not answer (", Printable(error.message), "), trying again");
    if (in_place_)
      Draw(*before_, remark);
    else if (!silent_)
      WriteErr(remark + '\n');
    silent_ = true;
    return true;
  }

 private:
  void Draw(const Page& page, const std::string& remark) {
    const std::string text = OnScreen(page.text + page.notice, cli_.console.out.rows);
    WriteOut(
        Cat(text, Paint(cli_.console.out, Style::dim, CutToColumns(remark, cli_.console.out.columns.value_or(80) - 1)), "\n"));
  }

  const Cli& cli_;
  const bool in_place_;
  bool silent_ = false;
  std::optional<Page> before_{};
};

}  // namespace

std::string YamlOf(std::string_view json) {
  const auto value = ParseJson(json);
  if (!value) return std::string(json);  // as JSON it is YAML too
  std::string out;
  Write(*value, 0, "", out);
  return out;
}

std::string ChangedText(OutputFormat format, const Page& before, const Page& now) {
  if (before.identity == now.identity) return {};
  if (format == OutputFormat::yaml) return "---\n" + now.text;
  if (format != OutputFormat::jsonl) return (ForPeople(format) ? "\n" : "") + now.text;
  const std::vector<std::string> known = Split(before.identity, '\n'), items = Split(now.identity, '\n'),
                                 lines = Split(now.text, '\n');
  const std::set<std::string> seen(known.begin(), known.end());
  std::string out;
  for (std::size_t i = 0; i < std::min(items.size(), lines.size()); ++i)
    if (!lines[i].empty() && !seen.contains(items[i])) out += lines[i] + '\n';
  return out;
}

Result<int> ShowPages(const Cli& cli, const std::function<Result<Page>()>& fetch) {
  if (!cli.watch) {
    EVERSTEP_ASSIGN(const Page page, fetch());
    WriteErr(page.notice);
    WriteOut(page.text);
    return exit_code::kGood;
  }
  Interrupts interrupts;
  Watch watch(cli);
  for (;;) {
    const auto page = fetch();
    if (page)
      watch.Show(*page);
    else if (!watch.Bear(page.error()))
      return Fail(page.error());
    if ((page && page->last) || interrupts.Wait(kWatchEvery) || OutputIsGone()) return exit_code::kGood;
  }
}

}  // namespace everstep
