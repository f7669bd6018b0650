#include "launcher/cli/view_text.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "base/text.h"
#include "launcher/cli/host_list.h"
#include "launcher/cli/paragraph.h"
#include "launcher/cli/terminal.h"
#include "launcher/cli/view_json.h"

namespace everstep {

namespace {

std::tm Local(WallTime at) {
  const std::time_t seconds = at.ns / 1'000'000'000;
  std::tm local{};
  localtime_r(&seconds, &local);
  return local;
}

std::string Format(const std::tm& time, const char* format) {
  std::array<char, 64> buffer{};
  const std::size_t length = std::strftime(buffer.data(), buffer.size(), format, &time);
  return {buffer.data(), length};
}

Duration Between(WallTime from, WallTime to) { return Duration(std::max<std::int64_t>(0, to.ns - from.ns)); }

std::string NodesText(const JobView& job) { return job.spares == 0 ? Cat(job.nodes) : Cat(job.nodes, "+", job.spares); }

std::string Plain(std::string_view text) {
  std::string plain = Printable(text);
  std::replace(plain.begin(), plain.end(), '\n', ' ');
  return plain;
}

// As it could be typed into a shell.
std::string CommandText(const std::vector<std::string>& command) {
  std::vector<std::string> words;
  for (const std::string& argument : command) {
    const std::string word = Plain(argument);
    const bool bare = !word.empty() && word.find_first_of(" '\"\\$`&|;<>()*?#~!") == std::string::npos;
    words.push_back(bare ? word : Cat('\'', Join(Split(word, '\''), "'\\''"), '\''));
  }
  return Join(words, " ");
}

std::vector<std::string> NamesOf(const std::vector<NodeId>& nodes) {
  std::vector<std::string> names;
  for (const NodeId& node : nodes) names.push_back(node.value);
  return names;
}

// The newest one, and the way to all about it.
std::string IncidentText(const IncidentView& incident) {
  std::string text = Cat(incident.number, ", ", Name(incident.blame), ": ", Plain(incident.cause));
  if (incident.steps_lost) text += Cat("; ", Count(*incident.steps_lost, "step"), incident.lost ? " and " : " lost");
  if (incident.lost) text += Cat(incident.steps_lost ? "" : "; ", Show(*incident.lost), " lost");
  return Cat(text, " (everstep incidents ", incident.job, ")");
}

// As the script said it, but no more of its digits than anybody compares: "0.855464", "1.5e-07", "nan".
std::string LossText(const std::string& told) {
  std::size_t end = 0, digits = 0;
  bool point = false;
  for (; end < told.size() && (IsDigit(told[end]) || told[end] == '.' || (end == 0 && told[end] == '-')); ++end) {
    point = point || told[end] == '.';
    digits += IsDigit(told[end]) && (digits > 0 || told[end] != '0') ? 1 : 0;
    if (point && digits == 6) break;
  }
  if (!point || end >= told.size()) return told;
  const std::size_t rest = told.find_first_not_of("0123456789", end + 1);
  return Cat(std::string_view(told).substr(0, end + 1), rest == std::string::npos ? "" : told.substr(rest));
}

std::string HostsOf(const JobView& job) {
  std::vector<std::string> names;
  for (const HostView& host : job.hosts) names.push_back(host.node.value);
  return FoldHostList(names);
}

std::string RankRange(const HostView& host) {
  if (host.ranks == 0) return "no ranks";
  if (host.ranks == 1) return Cat("rank ", host.first_rank);
  return Cat("ranks ", host.first_rank, "-", host.first_rank + host.ranks - 1);
}

std::string StepRow(const JobView& job, WallTime now) {
  std::string text = job.step ? StepText(job) : "none told of";
  if (job.progress && job.progress->step_time) text += Cat(", ", Show(*job.progress->step_time), " a step");
  if (job.progress && job.progress->eta) text += Cat(", done in ", Show(*job.progress->eta));
  if (job.progress && job.progress->loss) text += Cat(", loss ", Plain(LossText(*job.progress->loss)));
  if (!job.checkpoint) return text + ", no checkpoint";
  const CheckpointView& checkpoint = *job.checkpoint;
  text += checkpoint.step ? Cat(", checkpoint at step ", *checkpoint.step) : Cat(", checkpoint ", Plain(checkpoint.id));
  return Cat(text, " (", ClockText(checkpoint.registered_at, now), ", ", Plain(checkpoint.why), ")");
}

// To a tenth, never rounded up to 100.
std::string Percent(std::uint64_t part, std::uint64_t of) {
  const std::uint64_t tenths = static_cast<std::uint64_t>(static_cast<double>(part) / static_cast<double>(of) * 1000);
  return Cat(tenths / 10, '.', tenths % 10, " %");
}

// "93.1 % useful of 12 h 24 min; 3 min lost, 5 s noticing, 1 min standing; spares 4 h": one host for an hour is one hour.
std::string LedgerText(const LedgerView& ledger) {
  const auto time = [](std::uint64_t ms) {
    const std::uint64_t most = 200ull * 365 * 24 * 3600 * 1000;
    const Duration whole = std::chrono::milliseconds(static_cast<std::int64_t>(std::min(ms, most)));
    return Show(whole < 10s ? whole : Duration(whole / 1s * 1s));
  };
  const std::uint64_t ran = ledger.useful + ledger.unsaved;
  const std::uint64_t all = ran + ledger.lost + ledger.noticing + ledger.standing;
  std::string text = all == 0 ? std::string("none yet") : Cat(Percent(ran, all), " useful of ", time(all));
  std::vector<std::string> parts;
  const auto part = [&](std::uint64_t ms, std::string_view what) {
    if (ms > 0) parts.push_back(Cat(time(ms), ' ', what));
  };
  part(ledger.lost, "lost");
  part(ledger.noticing, "noticing");
  part(ledger.standing, "standing");
  if (!parts.empty()) text += Cat("; ", Join(parts));
  if (ledger.unsaved > 0) text += Cat("; ", time(ledger.unsaved), " of it not saved yet");
  return ledger.spare > 0 ? Cat(text, "; spares ", time(ledger.spare)) : text;
}

std::string Times(const JobView& job, WallTime now) {
  std::string text = Cat("submitted ", ClockText(job.submitted_at, now));
  if (job.started_at) text += Cat(", started ", ClockText(*job.started_at, now));
  if (job.ended_at) text += Cat(", ended ", ClockText(*job.ended_at, now));
  const Duration lasts = Between(job.started_at.value_or(job.submitted_at), job.ended_at.value_or(now));
  const Duration whole = lasts < 10s ? Duration(lasts / 1ms * 1ms) : Duration(lasts / 1s * 1s);
  text += Cat(job.ended_at ? ", took " : ", ", Show(whole), job.ended_at ? "" : " ago");
  if (job.time_left) text += Cat(", ", Show(Duration(*job.time_left / 1s * 1s)), " left of its time limit");
  return text;
}

}  // namespace

std::string ShortAge(Duration age) {
  const std::int64_t s = std::max<std::int64_t>(0, age / 1s);
  if (s < 120) return Cat(s, "s");
  if (s < 120 * 60) return Cat(s / 60, "m");
  if (s < 48 * 3600) return Cat(s / 3600, "h");
  return Cat(s / 86400, "d");
}

std::string ClockText(WallTime at, WallTime now) {
  const std::tm time = Local(at), today = Local(now);
  const bool same_day = time.tm_yday == today.tm_yday && time.tm_year == today.tm_year;
  if (same_day) return Format(time, "%H:%M:%S");
  return Format(time, time.tm_year == today.tm_year ? "%b %d %H:%M:%S" : "%Y-%m-%d %H:%M:%S");
}

std::string StepText(const JobView& job, std::string_view of) {
  if (!job.step) return {};
  const auto total = job.progress ? job.progress->steps_total : std::nullopt;
  return total ? Cat(*job.step, of, *total) : Cat(*job.step);
}

namespace {
std::string PhaseText(const JobView& job) { return job.preflight ? "checking" : std::string(Name(job.phase)); }
}  // namespace

TextTable JobsTable(const std::vector<JobView>& jobs, WallTime now, bool wide) {
  TextTable table{.titles = {"JOB", "PHASE", "NODES", "GEN", "STEP", "RESTARTS", "AGE"}, .states = 1};
  if (wide)
    table.titles.insert(table.titles.end(),
                        {"PACE", "ETA", "LOSS", "PRIORITY", "RANKS", "HOSTS", "SPARES", "CHECKPOINT", "SUBMITTED", "COMMAND"});
  table.titles.emplace_back("WHY");
  for (const JobView& job : jobs) {
    const auto& told = job.progress;
    std::vector<std::string> row{job.id.value,
                                 PhaseText(job),
                                 NodesText(job),
                                 job.generation.value == 0 ? "" : job.generation.Str(),
                                 job.step ? StepText(job, "/") : "",
                                 Cat(job.restarts, "/", job.restarts_max),
                                 ShortAge(Between(job.submitted_at, now))};
    if (wide)
      row.insert(row.end(),
                 {told && told->step_time ? Show(*told->step_time) : "", told && told->eta ? Show(*told->eta) : "",
                  told ? LossText(told->loss.value_or("")) : "", Cat(job.priority),
                  job.world_size == 0 ? "" : Cat(job.world_size), HostsOf(job), FoldHostList(NamesOf(job.spare_hosts)),
                  job.checkpoint ? job.checkpoint->path : "", Rfc3339(job.submitted_at), CommandText(job.command)});
    row.push_back(job.why);
    table.rows.push_back(std::move(row));
  }
  return table;
}

namespace {

std::string FabricCell(const NodeView& node) {
  return node.fabric ? Cat(node.fabric->passed ? "pass " : "FAIL ", Show(node.fabric->age)) : std::string();
}

std::string ChecksCell(const NodeView& node) {
  if (!node.health || !node.health->watched) return {};
  const HealthView& health = *node.health;
  if (health.failing > 0) return Cat(health.failing, " of ", health.judged, " fail");
  if (health.warning > 0) return Cat(health.warning, " of ", health.judged, " warn");
  return Cat(health.judged, " ok");
}

std::string AlarmTitle(const AlarmView& alarm) {
  return alarm.scope.empty() ? alarm.check : Cat(alarm.check, " of ", alarm.scope);
}

// Of a host that may be given work: what its checks have to say, if anything.
std::string ReasonOf(const NodeView& node) {
  const bool says = node.why.starts_with("kept away") || node.why.starts_with("put off");
  if (node.phase != NodePhase::ready || !node.health || says) return node.why;
  const AlarmView* worst = nullptr;
  for (const AlarmView& alarm : node.health->alarms)
    if (!alarm.cleared && (!worst || std::pair(alarm.action, alarm.fail) > std::pair(worst->action, worst->fail)))
      worst = &alarm;
  return worst ? Cat(AlarmTitle(*worst), ": ", worst->why) : node.why;
}

}  // namespace

TextTable NodesTable(const std::vector<NodeView>& nodes, bool wide) {
  TextTable table{.titles = {"NODE", "STATE", "JOB", "ACCEL", "FABRIC", "CHECKS", "LAST-BEAT"}, .states = 1};
  if (wide) table.titles.insert(table.titles.end(), {"ROLE", "ADDRESS", "VERSION", "BOOT-ID"});
  table.titles.emplace_back("REASON");
  for (const NodeView& node : nodes) {
    std::vector<std::string> row{node.node.value,
                                 std::string(Name(node.phase)),
                                 node.job ? node.job->value : "",
                                 Cat(node.accelerators),
                                 FabricCell(node),
                                 ChecksCell(node),
                                 node.silent_for ? Cat(Show(*node.silent_for), " ago") : ""};
    if (wide) row.insert(row.end(), {node.role, node.address, node.version, node.boot.value});
    row.push_back(ReasonOf(node));
    table.rows.push_back(std::move(row));
  }
  return table;
}

TextTable WhyNotTable(const std::vector<NodeView>& nodes) {
  TextTable table{.titles = {"NODE", "STATE", "WHY-NOT"}, .states = 1};
  for (const NodeView& node : nodes)
    table.rows.push_back({node.node.value, std::string(Name(node.phase)),
                          node.why_not.empty() ? std::string("it could be given to the job now") : node.why_not});
  return table;
}

TextTable EventsTable(const std::vector<EventView>& events, WallTime now, bool wide) {
  TextTable table{.titles = {"TIME", "JOB", "NODE", "WHY"}};
  if (wide) table.titles = {"INDEX", "TIME", "JOB", "NODE", "KIND", "WHY"};
  for (const EventView& event : events)
    if (wide)
      table.rows.push_back({event.index.Str(), Rfc3339(event.at), event.job.value, event.node.value, event.kind, event.why});
    else
      table.rows.push_back({ClockText(event.at, now), event.job.value, event.node.value, event.why});
  return table;
}

std::string EventLine(const EventView& event, WallTime now, std::optional<std::size_t> columns) {
  const auto column = [](std::string_view text, std::size_t width) {
    const std::string cell = text.empty() ? "-" : Plain(text);
    return cell + std::string(cell.size() < width ? width - cell.size() : 0, ' ') + "  ";
  };
  const std::string lead = Cat(ClockText(event.at, now), "  ", column(event.job.value, 12), column(event.node.value, 4));
  const std::size_t used = Columns(lead), least = 24;
  if (!columns || *columns < used + least) return Cat(lead, Plain(event.why), '\n');
  return Cat(lead, Wrap(Plain(event.why), *columns - used, used), '\n');
}

std::string DescribeJob(const JobView& job, WallTime now, std::optional<std::size_t> columns) {
  std::string phase = PhaseText(job);
  if (job.queue_position) phase += Cat(", ", *job.queue_position, " in the queue");
  if (job.generation.value > 0) phase += Cat(", generation ", job.generation);
  if (job.restarts > 0) phase += Cat(", restart ", job.restarts, " of ", job.restarts_max);
  if (job.exit_code) phase += Cat(", exit code ", *job.exit_code);

  Paragraph about(columns);
  about.Row("Job", job.id.value);
  about.Row("Phase", phase);
  about.Row("Why", Plain(job.why));
  about.Row("Command", CommandText(job.command));
  about.Row("Step", StepRow(job, now));
  about.Row("Time", Times(job, now));
  if (job.ledger) about.Row("Host time", LedgerText(*job.ledger));
  if (job.incident) about.Row("Incident", IncidentText(*job.incident));
  const std::string spares = Join(NamesOf(job.spare_hosts));
  if (job.spares > 0 && !Ended(job.phase)) about.Row("Spares", spares.empty() ? Cat("none of ", job.spares, " yet") : spares);
  std::string out = std::move(about.text);

  if (!job.hosts.empty()) {
    TextTable hosts{.titles = {"NODE", "RANKS", "ADDRESS", "STATE"}};
    for (const HostView& host : job.hosts) {
      std::vector<std::string> states;
      for (const RankView& rank : job.ranks)
        if (rank.node == host.node)
          states.push_back(job.ranks.size() == job.hosts.size() ? rank.state : Cat(rank.rank, " ", rank.state));
      hosts.rows.push_back({host.node.value, RankRange(host), host.address, Join(states)});
    }
    out += '\n' + Render(hosts, {.columns = columns, .wrap = true});
  }
  const std::string next = NextOf(job);
  return next.empty() ? out : Cat(out, "\nNext: ", next, '\n');
}

std::string NextOf(const JobView& job) {
  const bool silent = !job.started_at && job.next.starts_with("everstep logs ");
  return silent ? Cat("everstep explain ", job.id) : job.next;
}

namespace {

std::string ChecksRow(const HealthView& health) {
  if (!health.watched) return Cat("not watched", health.unwatched.empty() ? "" : ": ", Plain(health.unwatched));
  const std::uint32_t bad = health.failing + health.warning + health.unknown;
  std::string text = Cat(health.judged - std::min(bad, health.judged), " of ", Count(health.judged, "value"), " good");
  if (health.failing > 0) text += Cat(", ", health.failing, " bad");
  if (health.warning > 0) text += Cat(", ", health.warning, " suspect");
  if (health.unknown > 0) text += Cat(", ", health.unknown, " not readable");
  return text;
}

std::string AlarmsText(const HealthView& health, std::optional<std::size_t> columns) {
  TextTable alarms{.titles = {"ALARM", "ASKS-FOR", "SINCE", "WHY"}};
  for (const AlarmView& alarm : health.alarms) {
    std::string why = Plain(alarm.why);
    if (!alarm.evidence.empty()) why += Cat("; read: ", Plain(alarm.evidence));
    if (!alarm.remedy.empty()) why += Cat("; to do: ", Plain(alarm.remedy));
    alarms.rows.push_back({AlarmTitle(alarm), alarm.cleared ? "cleared" : std::string(Name(alarm.action)),
                           Rfc3339(alarm.since).substr(0, 19) + "Z", why});
  }
  return Render(alarms, {.columns = columns, .wrap = true});
}

}  // namespace

std::string DescribeNode(const NodeView& node, std::optional<std::size_t> columns, std::string_view checks) {
  Paragraph about(columns);
  about.Row("Node", node.node.value);
  about.Row("State", Name(node.phase));
  if (node.fabric)
    about.Row("Fabric",
              Cat(node.fabric->passed ? "passed " : "failed ", Show(node.fabric->age), " ago: ", Plain(node.fabric->why)));
  if (node.health) about.Row("Checks", ChecksRow(*node.health));
  about.Row("Why", Plain(node.why));
  about.Row("Job", node.job ? Cat(node.job->value, node.role.empty() ? "" : ", ", node.role) : "none");
  about.Row("Address", node.address);
  about.Row("Last beat", node.silent_for ? Cat(Show(*node.silent_for), " ago") : "not heard of by this launcher");
  about.Row("Has", Count(node.accelerators, "accelerator"));
  about.Row("Boot id", node.boot.value);
  about.Row("Version", Plain(node.version));
  if (node.health && !node.health->offences.empty()) about.Row("Offences", Plain(node.health->offences));
  std::string out = std::move(about.text);
  if (node.health && !node.health->alarms.empty()) out += '\n' + AlarmsText(*node.health, columns);
  if (!checks.empty()) out += Cat('\n', checks);
  switch (node.phase) {
    case NodePhase::ready:
      if (node.health && std::any_of(node.health->alarms.begin(), node.health->alarms.end(), [](const AlarmView& alarm) {
            return !alarm.cleared && alarm.action >= HealthAction::defer;
          }))
        return Cat(out, "\nNext: everstep drain ", node.node, ", or everstep clear ", node.node, " --note TEXT\n");
      if (node.fabric && !node.fabric->passed)
        return Cat(out, "\nNext: everstep check ", node.node, " with others, or everstep clear ", node.node,
                   " --check fabric --note TEXT\n");
      return Cat(out, "\nNext: everstep events --node ", node.node, '\n');
    case NodePhase::suspect: return Cat(out, "\nNext: everstep events --node ", node.node, " -f\n");
    case NodePhase::draining:
    case NodePhase::drained: return Cat(out, "\nNext: everstep undrain ", node.node, '\n');
    case NodePhase::quarantined:
      return Cat(out, "\nNext: everstep clear ", node.node, " --note TEXT, once somebody has looked at it\n");
    case NodePhase::lost:
    case NodePhase::away:
      return Cat(out, "\nNext: start everstep-agent there, or, once the host is certainly off:\n      everstep node ",
                 node.node, " --confirm-dead\n");
  }
  return out;
}

}  // namespace everstep
