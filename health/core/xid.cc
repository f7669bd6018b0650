#include "health/core/xid.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace everstep::health {

namespace {

constexpr std::string_view kOffBus = "fallen off the bus";
constexpr std::uint32_t kOffBusCode = 79, kRemediesMax = 2, kJobsMax = 3;

// The text between the brackets that open at `text`'s front, without "PCI:" and function: "(PCI:0000:c1:00.0)" is 0000:c1:00.
std::optional<std::string> Device(std::string_view& text) {
  if (!text.starts_with('(')) return std::nullopt;
  const std::size_t end = text.find(')');
  if (end == std::string_view::npos) return std::nullopt;
  std::string_view inside = text.substr(1, end - 1);
  text.remove_prefix(end + 1);
  if (inside.starts_with("PCI:")) inside.remove_prefix(4);
  inside = inside.substr(0, inside.find('.'));
  const bool address = !inside.empty() && std::all_of(inside.begin(), inside.end(), [](char c) {
    return c == ':' || IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  });
  return address ? std::optional(std::string(inside)) : std::nullopt;
}

std::optional<std::uint32_t> Number(std::string_view& text) {
  std::size_t end = 0;
  while (end < text.size() && IsDigit(text[end])) ++end;
  const auto number = ParseUnsigned(text.substr(0, end));
  if (!number || *number > 99'999) return std::nullopt;
  text.remove_prefix(end);
  return static_cast<std::uint32_t>(*number);
}

void ReadDetail(Xid& xid) {
  std::string lower = xid.text;
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  const bool nonfatal = lower.find("non-fatal") != std::string::npos || lower.find("nonfatal") != std::string::npos ||
                        lower.find("non_fatal") != std::string::npos;
  if (nonfatal || lower.find("fatal") != std::string::npos) xid.fatal = !nonfatal;
  if (const std::size_t at = lower.find("link "); at != std::string::npos) {
    std::string_view rest = std::string_view(lower).substr(at + 5);
    xid.link = Number(rest);
  }
}

// ": 79, the rest"
std::optional<Xid> Behind(std::string_view text, bool of_switch) {
  Xid xid{.of_switch = of_switch};
  const auto device = Device(text);
  if (!device || !text.starts_with(": ")) return std::nullopt;
  text.remove_prefix(2);
  const auto code = Number(text);
  if (!code || !(text.empty() || text.front() == ',' || text.front() == ' ')) return std::nullopt;
  xid.device = *device;
  xid.code = *code;
  xid.text = std::string(Trim(text.substr(text.starts_with(',') ? 1 : 0)));
  ReadDetail(xid);
  return xid;
}

std::optional<Xid> OffBus(std::string_view line) {
  constexpr std::string_view kHead = "NVRM: GPU ";
  if (!line.starts_with(kHead) || line.find(kOffBus) == std::string_view::npos) return std::nullopt;
  line.remove_prefix(kHead.size());
  if (line.starts_with("at PCI:")) line.remove_prefix(7);
  std::string_view address = line.substr(0, line.find(' '));
  if (address.ends_with(':')) address.remove_suffix(1);
  return Xid{.code = kOffBusCode, .device = std::string(address.substr(0, address.find('.'))), .text = std::string(line)};
}

// What the driver's own text asks for; the words are NVML's names of recovery actions.
std::optional<Action> Followed(std::string_view text) {
  const std::size_t to = text.rfind(" to ");
  if (to == std::string_view::npos) return std::nullopt;
  const std::string_view wish = text.substr(to);
  constexpr std::array<std::pair<std::string_view, Action>, 6> kWords = {{{"(None)", Action::note},
                                                                          {"Drain and Reset", Action::reset},
                                                                          {"Drain P2P", Action::drain},
                                                                          {"Node Reboot", Action::reboot},
                                                                          {"GPU Reset", Action::reset},
                                                                          {"PF FLR", Action::reset}}};
  for (const auto& [words, action] : kWords)
    if (wish.find(words) != std::string_view::npos) return action;
  return std::nullopt;
}

Action StepUp(Action action) {
  switch (action) {
    case Action::app:
    case Action::defer:
    case Action::drain: return Action::reset;
    case Action::reset: return Action::reboot;
    case Action::reboot:
    case Action::replace: return Action::replace;
    case Action::note: break;
  }
  return Action::note;
}

std::string Named(const Xid& xid) {
  return Cat(xid.of_switch ? "SXid " : "Xid ", xid.code, " of ", xid.device, xid.link ? Cat(" link ", *xid.link) : "");
}

}  // namespace

std::optional<Xid> ParseXid(std::string_view line) {
  constexpr std::string_view kXid = "NVRM: Xid ", kSwitch = "nvidia-nvswitch", kSxid = ": SXid ";
  if (line.starts_with(kXid)) return Behind(line.substr(kXid.size()), false);
  if (line.starts_with(kSwitch)) {
    const std::size_t at = line.find(kSxid);
    return at == std::string_view::npos ? std::nullopt : Behind(line.substr(at + kSxid.size()), true);
  }
  return OffBus(line);
}

const XidRow* FindXid(const XidTable& table, std::uint32_t code) {
  for (const XidRow& row : table.rows)
    for (const XidRow::Range& range : row.codes)
      if (code >= range.first && code <= range.last) return &row;
  return nullptr;
}

XidDecision DecideXid(const XidTable& table, const Xid& xid, std::string_view model, const XidHistory& history) {
  const std::string who = Named(xid);
  if (xid.of_switch) {
    const bool fatal = xid.fatal.value_or(true);
    return {fatal ? table.switch_fatal : table.switch_nonfatal, Cat(who, fatal ? " is fatal to the switch" : " is not fatal")};
  }
  const XidRow* row = FindXid(table, xid.code);
  if (!row) return {table.unlisted, Cat(who, " is not in the table")};
  XidDecision decision{row->action, Cat(who, ": ", row->about)};
  if (row->follow_text) {
    const auto wish = Followed(xid.text);
    if (!wish) return {Action::drain, Cat(who, ": the driver asks for a recovery that is not known: ", Clip(xid.text, 120))};
    decision = {*wish, Cat(who, ": the driver asks for it: ", Clip(xid.text, 120))};
  } else if (row->nonfatal && xid.fatal == false) {
    decision = {*row->nonfatal, Cat(who, ": ", row->about, ", not fatal")};
  } else if (row->a100 && model.find("A100") != std::string_view::npos) {
    decision = {*row->a100, Cat(who, ": ", row->about, ", on an A100")};
  }
  return Escalated(table, xid.code, decision.action, who, history).value_or(decision);
}

std::optional<XidDecision> Escalated(const XidTable& table, std::uint32_t code, Action decided, std::string_view who,
                                     const XidHistory& history) {
  if (decided == Action::note) return std::nullopt;
  if (decided == Action::app && history.jobs >= kJobsMax)
    return XidDecision{Action::reset,
                       Cat(who, " hit ", history.jobs, " different jobs on this GPU within 24 h: not the jobs' fault")};
  const XidRow* row = FindXid(table, code);
  const std::optional<Action> repeat = row ? row->repeat : std::nullopt;
  if (history.remedies < (repeat ? 1 : kRemediesMax)) return std::nullopt;
  return XidDecision{std::max(repeat.value_or(StepUp(decided)), decided),
                     Cat(who, " came back after ", history.remedies, history.remedies == 1 ? " remedy" : " remedies")};
}

std::optional<std::uint32_t> XidCodeIn(std::string_view why) {
  constexpr std::string_view kHead = "Xid ";
  if (!why.starts_with(kHead)) return std::nullopt;
  why.remove_prefix(kHead.size());
  const auto code = Number(why);
  return code && why.starts_with(" of ") ? code : std::nullopt;
}

}  // namespace everstep::health
