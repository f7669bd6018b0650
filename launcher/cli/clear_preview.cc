#include "launcher/cli/clear_preview.h"

#include <algorithm>
#include <vector>

#include "base/contains.h"
#include "base/text.h"

namespace everstep {

namespace {

// "…quarantined, reboot: gpu.xid of GPU at 0000:18:00: …"; empty: no check has it there.
std::string HeldBy(const NodeView& node) {
  constexpr std::string_view kWord = "quarantined, ";
  const std::size_t word = node.why.find(kWord);
  const std::size_t at = word == std::string::npos ? word : node.why.find(": ", word);
  if (at == std::string::npos) return {};
  const std::string rest = node.why.substr(at + 2);
  return rest.substr(0, rest.find_first_of(": "));
}

// Its name stands before a blank, a comma, a semicolon or a bracket in the launcher's sentence.
bool Names(const std::string& sentence, const std::string& check) {
  for (std::size_t at = sentence.find(check); at != std::string::npos; at = sentence.find(check, at + 1)) {
    const std::size_t end = at + check.size();
    const bool begins = at == 0 || sentence[at - 1] == ' ';
    if (begins && (end == sentence.size() || std::string_view(" ,;(").find(sentence[end]) != std::string_view::npos))
      return true;
  }
  return false;
}

}  // namespace

Result<std::string> WouldClear(const NodeView& node, const std::string& check) {
  const auto meant = [&](const std::string& one) { return check.empty() || one == check; };
  std::size_t alarms = 0;
  std::vector<std::string> others, parts;
  for (const AlarmView& alarm : node.health ? node.health->alarms : std::vector<AlarmView>()) {
    if (alarm.cleared) continue;
    if (meant(alarm.check))
      ++alarms;
    else if (!Contains(others, alarm.check))
      others.push_back(alarm.check);
  }
  if (alarms > 0) parts.push_back(Cat(Count(alarms, "alarm"), check.empty() ? "" : Cat(" of ", check)));
  if (const std::string held = HeldBy(node); !held.empty() && meant(held)) parts.push_back("its quarantine");
  if (node.fabric && !node.fabric->passed && meant("fabric")) parts.push_back("the check that it failed");
  const std::string offences = node.health ? node.health->offences : std::string();
  if (!offences.empty() && (check.empty() || Names(offences, check)))
    parts.push_back(check.empty() ? "its offences" : Cat("its offences of ", check));
  if (parts.empty() && !check.empty() && !others.empty())
    return Fail(ErrorCode::kNotFound,
                Cat("would be refused: ", node.node, " has no alarm of ", check, "; there are: ", Join(others)));
  return Join(parts);
}

}  // namespace everstep
