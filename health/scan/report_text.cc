#include "health/scan/report_text.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/json/codec.h"
#include "base/text.h"
#include "health/core/verdict_line.h"

namespace everstep::health {

struct AlarmLine {
  std::uint32_t v = 1;
  std::string host{};
  bool raised = false;
  std::string check{}, scope{};
  State status = State::ok;
  std::string value{}, limit{}, why{}, evidence{}, remedy{};
  Action action = Action::note;
  std::uint32_t looks = 0;
};
EVERSTEP_FIELDS(AlarmLine, v, host, raised, check, scope, status, value, limit, why, evidence, remedy, action, looks)

namespace {

std::size_t CountOf(const ScanReport& report, State state) {
  return static_cast<std::size_t>(std::count_if(report.verdicts.begin(), report.verdicts.end(),
                                                [state](const Verdict& one) { return one.state == state; }));
}

std::string_view Shout(State state) {
  switch (state) {
    case State::ok: return "OK     ";
    case State::warn: return "WARN   ";
    case State::fail: return "FAIL   ";
    case State::unknown: break;
  }
  return "UNKNOWN";
}

void TellBad(const ScanReport& report, State state, std::string& out) {
  for (const Verdict& verdict : report.verdicts) {
    if (verdict.state != state) continue;
    out += Cat(Shout(state), "  ", Title(verdict), ": ", verdict.why, '\n');
    if (!verdict.evidence.empty()) out += Cat("         evidence: ", Printable(verdict.evidence), '\n');
    if (!verdict.remedy.empty())
      out += Cat("         to do: ", verdict.remedy,
                 verdict.action == Action::note ? "" : Cat(" (asks for: ", Name(verdict.action), ")"), '\n');
  }
}

// The reason behind "… could not be read: ".
std::string Reason(const Verdict& verdict) {
  constexpr std::string_view kBefore = " could not be read: ";
  const std::size_t at = verdict.why.find(kBefore);
  return at == std::string::npos ? verdict.why : verdict.why.substr(at + kBefore.size());
}

// Twenty checks that fail to be read for one reason are one line.
void TellUnknown(const ScanReport& report, std::string& out) {
  std::vector<std::pair<std::string, std::vector<std::string>>> by_reason;
  for (const Verdict& verdict : report.verdicts) {
    if (verdict.state != State::unknown) continue;
    const std::string reason = Reason(verdict);
    auto found = std::find_if(by_reason.begin(), by_reason.end(), [&](const auto& one) { return one.first == reason; });
    if (found == by_reason.end()) found = by_reason.insert(by_reason.end(), {reason, {}});
    found->second.push_back(Title(verdict));
  }
  for (const auto& [reason, checks] : by_reason)
    out += Cat(Shout(State::unknown), "  ", Join(checks), ": ", Printable(reason), '\n');
}

// What the site's own list takes out is never silent. nullptr: nothing was.
const Verdict* Ignored(const ScanReport& report) {
  for (const Verdict& verdict : report.verdicts)
    if (verdict.check == kIgnoredLines && verdict.state == State::ok && verdict.value != "0") return &verdict;
  return nullptr;
}

// Who computes on a GPU where no job runs makes people wonder.
const Verdict* Daemons(const ScanReport& report) {
  for (const Verdict& verdict : report.verdicts)
    if (verdict.check == kDaemons && verdict.state == State::ok && verdict.value != "0") return &verdict;
  return nullptr;
}

std::string CutAtALine(std::string text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  const std::size_t last = bytes_max == 0 ? std::string::npos : text.rfind('\n', bytes_max - 1);
  const std::size_t end = last == std::string::npos ? 0 : last + 1;
  const auto lines = std::count(text.begin() + static_cast<std::ptrdiff_t>(end), text.end(), '\n');
  text.resize(end);
  return Cat(text, "…        the report was cut at ", bytes_max, " bytes: ", Count(static_cast<std::uint64_t>(lines), "line"),
             lines == 1 ? " is" : " are", " left out\n");
}

std::string JsonOf(const Verdict& one, const std::string& host, const ScanReport& report) {
  const auto told = [](const std::string& text) { return text.empty() ? std::nullopt : std::optional(text); };
  return ToJson(VerdictLine{.host = host,
                            .check = one.check,
                            .scope = one.scope,
                            .status = one.state,
                            .value = one.value,
                            .limit = one.limit,
                            .why = one.why,
                            .evidence = one.evidence,
                            .remedy = one.remedy,
                            .action = one.action,
                            .measured = one.measured,
                            .same = report.same.contains(one.check) ? std::optional(true) : std::nullopt,
                            .profile = told(report.kind),
                            .product = told(report.product)}) +
         '\n';
}

std::vector<std::string> Titles(const ScanReport& report, State state) {
  std::vector<std::string> titles;
  for (const Verdict& verdict : report.verdicts)
    if (verdict.state == state) titles.push_back(Title(verdict));
  return titles;
}

}  // namespace

std::string ReportText(const ScanReport& report, bool all, std::size_t bytes_max) {
  std::string out;
  TellBad(report, State::fail, out);
  TellBad(report, State::warn, out);
  TellUnknown(report, out);
  if (const Verdict* ignored = Ignored(report))
    out += Cat("IGNORED  ", ignored->check, ": ", ignored->why, "\n         evidence: ", Printable(ignored->evidence), '\n');
  if (const Verdict* daemons = Daemons(report))
    out += Cat("NOTE     ", daemons->check, ": ", daemons->why, "\n         evidence: ", Printable(daemons->evidence), '\n');
  if (all) {
    for (const Verdict& verdict : report.verdicts)
      if (verdict.state == State::ok)
        out += Cat(Shout(State::ok), "  ", Title(verdict), ": ", verdict.why,
                   verdict.limit.empty() ? "" : Cat(" (bad: ", verdict.limit, ')'), '\n');
    for (const NotHere& one : report.not_here) out += Cat("-        ", one.check, ": does not apply: ", one.reason, '\n');
  }
  std::string end = out.empty() ? "" : "\n";
  end += Cat(report.profile_why, '\n');
  end += Cat(CountOf(report, State::ok), " OK, ", CountOf(report, State::warn), " WARN, ", CountOf(report, State::fail),
             " FAIL, ", CountOf(report, State::unknown), " UNKNOWN; ", Count(report.not_here.size(), "check"),
             report.not_here.size() == 1 ? " does" : " do", " not apply here\n");
  return CutAtALine(std::move(out), bytes_max) + end;
}

std::string ReportJson(const ScanReport& report, const std::string& host, std::size_t bytes_max) {
  std::vector<std::string> lines;
  std::size_t bytes = 0;
  for (const Verdict& one : report.verdicts) {
    lines.push_back(JsonOf(one, host, report));
    bytes += lines.back().size();
  }
  std::vector<bool> kept(lines.size(), bytes <= bytes_max);
  std::size_t left_out = 0, taken = 0;
  for (const State state : {State::fail, State::warn, State::unknown, State::ok})
    for (std::size_t i = 0; i < lines.size() && bytes > bytes_max; ++i) {
      if (report.verdicts[i].state != state) continue;
      kept[i] = left_out == 0 && taken + lines[i].size() <= bytes_max;
      taken += kept[i] ? lines[i].size() : 0;
      left_out += kept[i] ? 0 : 1;
    }
  std::string out;
  for (std::size_t i = 0; i < lines.size(); ++i)
    if (kept[i]) out += lines[i];
  if (left_out > 0)
    out += JsonOf({.check = "scan.report",
                   .state = State::unknown,
                   .why = Cat("the report was cut at ", bytes_max, " bytes: ", left_out, " of ", Count(lines.size(), "verdict"),
                              " are left out, the least grave")},
                  host, report);
  return out;
}

std::string AlarmJson(const AlarmChange& change, const std::string& host) {
  const Verdict& verdict = change.alarm.verdict;
  return ToJson(AlarmLine{.host = host,
                          .raised = change.raised,
                          .check = verdict.check,
                          .scope = verdict.scope,
                          .status = change.raised ? verdict.state : State::ok,
                          .value = verdict.value,
                          .limit = verdict.limit,
                          .why = change.why,
                          .evidence = verdict.evidence,
                          .remedy = verdict.remedy,
                          .action = verdict.action,
                          .looks = change.alarm.looks}) +
         '\n';
}

int NagiosCode(const ScanReport& report) {
  switch (Worst(report.verdicts)) {
    case State::ok: return kNagiosOk;
    case State::warn: return kNagiosWarning;
    case State::fail: return kNagiosCritical;
    case State::unknown: break;
  }
  return kNagiosUnknown;
}

std::string ReportNagios(const ScanReport& report) {
  constexpr std::string_view kWords[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
  const State worst = Worst(report.verdicts);
  const std::string_view word = kWords[NagiosCode(report)];
  const Verdict* ignored = Ignored(report);
  const std::string besides = ignored ? Cat("; ", ignored->value, " of the kernel's lines ignored") : std::string();
  if (worst == State::ok) return Cat("HEALTH OK - ", Count(report.verdicts.size(), "value"), " good", besides, '\n');
  const std::vector<std::string> titles = Titles(report, worst);
  const char* verb = worst == State::fail ? " bad: " : worst == State::warn ? " suspect: " : " not readable: ";
  const std::size_t unknown = CountOf(report, State::unknown);
  const std::string unread = worst == State::unknown || unknown == 0 ? std::string() : Cat("; ", unknown, " not readable");
  return Cat("HEALTH ", word, " - ", Count(titles.size(), "value"), verb, Clip(Join(titles), 400), unread, besides, '\n');
}

}  // namespace everstep::health
