#include "launcher/cli/incident_text.h"

#include <string.h>

#include "base/text.h"
#include "launcher/cli/paragraph.h"
#include "launcher/cli/view_json.h"
#include "launcher/cli/view_text.h"

namespace everstep {

namespace {

std::string LostText(const IncidentView& incident) {
  std::string text = incident.steps_lost ? Count(*incident.steps_lost, "step") : "an unknown number of steps";
  if (!incident.lost) return text + (incident.outcome == IncidentOutcome::open ? ", and the time until it starts again" : "");
  text += Cat(", ", Show(*incident.lost));
  std::vector<std::string> parts;
  const auto part = [&](std::string_view what, const std::optional<Duration>& took) {
    if (took) parts.push_back(Cat(Show(*took), ' ', what));
  };
  part("to notice", incident.noticing);
  part("to stop", incident.stopping);
  part("to find hosts", incident.placing);
  part("to prepare", incident.preparing);
  return parts.empty() ? text : Cat(text, " (", Join(parts), ")");
}

std::string Describe(const IncidentView& incident, WallTime now, std::optional<std::size_t> columns) {
  Paragraph about(columns);
  about.Row("Incident", Cat(incident.number, " of ", incident.job, ", in generation ", incident.generation, ", at ",
                            ClockText(incident.at, now)));
  const std::string how = HowItEnded(incident);
  about.Row("Cause", incident.cause);
  about.Row("Class", Cat(Name(incident.blame), incident.means.empty() ? "" : ": ", incident.means));
  std::vector<std::string> where;
  if (!incident.node.empty()) where.push_back(incident.node.value);
  if (incident.rank) where.push_back(Cat("rank ", *incident.rank));
  if (!how.empty()) where.push_back(how);
  if (!where.empty()) about.Row("Where", Join(where));
  about.Row("Lost", LostText(incident));
  if (incident.outcome != IncidentOutcome::ended)
    about.Row("Resumes at", incident.checkpoint.empty() ? "the start: no checkpoint" : incident.checkpoint);
  about.Row("Then", incident.next.empty() ? "nothing is decided yet" : incident.next);
  if (!incident.logs.empty()) about.Row("Logs", incident.logs);
  return std::move(about.text);
}

}  // namespace

std::string HowItEnded(const IncidentView& incident) {
  if (incident.signal) {
    const char* name = ::sigabbrev_np(static_cast<int>(*incident.signal));
    return name ? Cat("SIG", name) : Cat("signal ", *incident.signal);
  }
  return incident.code ? Cat("exit code ", *incident.code) : std::string();
}

TextTable IncidentsTable(const std::vector<IncidentView>& incidents, WallTime now, bool wide) {
  TextTable table{.titles = {"TIME", "JOB", "GEN", "CLASS", "NODE", "RANK", "STEPS-LOST", "TIME-LOST"}};
  if (wide) table.titles.insert(table.titles.end(), {"ENDED", "OUTCOME", "CHECKPOINT", "NEXT", "LOGS"});
  table.titles.emplace_back("CAUSE");
  for (const IncidentView& incident : incidents) {
    std::vector<std::string> row{wide ? Rfc3339(incident.at) : ClockText(incident.at, now),
                                 incident.job.value,
                                 incident.generation.Str(),
                                 std::string(Name(incident.blame)),
                                 incident.node.value,
                                 incident.rank ? Cat(*incident.rank) : "",
                                 incident.steps_lost ? Cat(*incident.steps_lost) : "",
                                 incident.lost ? Show(*incident.lost) : ""};
    if (wide)
      row.insert(row.end(), {HowItEnded(incident), std::string(Name(incident.outcome)), incident.checkpoint, incident.next,
                             incident.logs});
    row.push_back(incident.cause);
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::string UnseenCauses(const std::vector<IncidentView>& incidents) {
  std::string text;
  for (const IncidentView& incident : incidents) {
    const bool wordless = incident.code && incident.cause.find(": ") == std::string::npos;
    if (wordless || (incident.code && incident.rank == 0u)) continue;
    text += Cat("==> ", Printable(incident.cause), '\n');
  }
  return text;
}

std::string DescribeIncidents(const std::vector<IncidentView>& incidents, WallTime now, std::optional<std::size_t> columns) {
  std::string text;
  for (const IncidentView& incident : incidents) text += (text.empty() ? "" : "\n") + Describe(incident, now, columns);
  return text;
}

}  // namespace everstep
