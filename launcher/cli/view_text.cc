#include "launcher/cli/view_text.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "base/text.h"

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

// "Name      value\n", names in one column.
std::string Row(std::string_view name, std::string_view value) {
  constexpr std::size_t kColumn = 12;
  return Cat(name, std::string(kColumn - name.size(), ' '), value, '\n');
}

std::string RankRange(const HostView& host) {
  if (host.ranks == 0) return "no ranks";
  if (host.ranks == 1) return Cat("rank ", host.first_rank);
  return Cat("ranks ", host.first_rank, "-", host.first_rank + host.ranks - 1);
}

std::string StepText(const JobView& job, WallTime now) {
  std::string text = job.step ? Cat(*job.step) : "none told of";
  if (!job.checkpoint) return text + ", no checkpoint";
  const CheckpointView& checkpoint = *job.checkpoint;
  text += checkpoint.step ? Cat(", checkpoint at step ", *checkpoint.step) : Cat(", checkpoint ", Plain(checkpoint.id));
  return Cat(text, " (", ClockText(checkpoint.registered_at, now), ", ", Plain(checkpoint.why), ")");
}

std::string Times(const JobView& job, WallTime now) {
  std::string text = Cat("submitted ", ClockText(job.submitted_at, now));
  if (job.started_at) text += Cat(", started ", ClockText(*job.started_at, now));
  if (job.ended_at) text += Cat(", ended ", ClockText(*job.ended_at, now));
  const WallTime from = job.started_at.value_or(job.submitted_at);
  return Cat(text, job.ended_at ? ", took " : ", ",
             Show(std::chrono::duration_cast<std::chrono::seconds>(Between(from, job.ended_at.value_or(now)))),
             job.ended_at ? "" : " ago");
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

TextTable JobsTable(const std::vector<JobView>& jobs, WallTime now) {
  TextTable table{.titles = {"JOB", "PHASE", "NODES", "GEN", "STEP", "RESTARTS", "AGE", "WHY"}};
  for (const JobView& job : jobs)
    table.rows.push_back({job.id.value, std::string(Name(job.phase)), NodesText(job),
                          job.generation.value == 0 ? "" : job.generation.Str(), job.step ? Cat(*job.step) : "",
                          Cat(job.restarts, "/", job.restarts_max), ShortAge(Between(job.submitted_at, now)), job.why});
  return table;
}

TextTable NodesTable(const std::vector<NodeView>& nodes) {
  TextTable table{.titles = {"NODE", "STATE", "JOB", "ROLE", "ADDRESS", "LAST-BEAT", "WHY"}};
  for (const NodeView& node : nodes)
    table.rows.push_back({node.node.value, std::string(Name(node.phase)), node.job ? node.job->value : "", node.role,
                          node.address, node.silent_for ? Cat(Show(*node.silent_for), " ago") : "", node.why});
  return table;
}

TextTable EventsTable(const std::vector<EventView>& events, WallTime now) {
  TextTable table{.titles = {"TIME", "JOB", "NODE", "WHY"}};
  for (const EventView& event : events)
    table.rows.push_back({ClockText(event.at, now), event.job.value, event.node.value, event.why});
  return table;
}

std::string EventLine(const EventView& event, WallTime now) {
  const auto column = [](std::string_view text, std::size_t width) {
    const std::string cell = text.empty() ? "-" : Plain(text);
    return cell + std::string(cell.size() < width ? width - cell.size() : 0, ' ') + "  ";
  };
  return Cat(ClockText(event.at, now), "  ", column(event.job.value, 12), column(event.node.value, 4), Plain(event.why), '\n');
}

std::string DescribeJob(const JobView& job, WallTime now) {
  std::string phase(Name(job.phase));
  if (job.queue_position) phase += Cat(", ", *job.queue_position, " in the queue");
  if (job.generation.value > 0) phase += Cat(", generation ", job.generation);
  if (job.restarts > 0) phase += Cat(", restart ", job.restarts, " of ", job.restarts_max);
  if (job.exit_code) phase += Cat(", exit code ", *job.exit_code);

  std::string out = Row("Job", job.id.value) + Row("Phase", phase) + Row("Why", Plain(job.why));
  out += Row("Command", CommandText(job.command));
  out += Row("Step", StepText(job, now)) + Row("Time", Times(job, now));
  std::vector<std::string> spares;
  for (const NodeId& spare : job.spare_hosts) spares.push_back(spare.value);
  if (job.spares > 0) out += Row("Spares", spares.empty() ? Cat("none of ", job.spares, " yet") : Join(spares));

  if (!job.hosts.empty()) {
    TextTable hosts{.titles = {"NODE", "RANKS", "ADDRESS", "STATE"}};
    for (const HostView& host : job.hosts) {
      std::vector<std::string> states;
      for (const RankView& rank : job.ranks)
        if (rank.node == host.node)
          states.push_back(job.ranks.size() == job.hosts.size() ? rank.state : Cat(rank.rank, " ", rank.state));
      hosts.rows.push_back({host.node.value, RankRange(host), host.address, Join(states)});
    }
    out += '\n' + Render(hosts, {});
  }
  return Cat(out, "\nNext: ", NextCommand(job), '\n');
}

std::string DescribeNode(const NodeView& node) {
  std::string out = Row("Node", node.node.value) + Row("State", Name(node.phase)) + Row("Why", Plain(node.why));
  out += Row("Job", node.job ? Cat(node.job->value, node.role.empty() ? "" : ", ", node.role) : "none");
  out += Row("Address", node.address);
  out += Row("Last beat", node.silent_for ? Cat(Show(*node.silent_for), " ago") : "not heard of by this launcher");
  out += Row("Has", Count(node.accelerators, "accelerator")) + Row("Boot id", node.boot.value) +
         Row("Version", Plain(node.version));
  switch (node.phase) {
    case NodePhase::ready: return Cat(out, "\nNext: everstep events --node ", node.node, '\n');
    case NodePhase::suspect: return Cat(out, "\nNext: everstep events --node ", node.node, " -f\n");
    case NodePhase::draining:
    case NodePhase::drained: return Cat(out, "\nNext: everstep undrain ", node.node, '\n');
    case NodePhase::lost:
    case NodePhase::away:
      return Cat(out, "\nNext: start everstep-agent there, or, once the host is certainly off: everstep node ", node.node,
                 " --confirm-dead\n");
  }
  return out;
}

std::string NextCommand(const JobView& job) {
  switch (job.phase) {
    case JobPhase::queued:
    case JobPhase::preparing:
    case JobPhase::recovering:
    case JobPhase::stopping: return Cat("everstep explain ", job.id);
    case JobPhase::running: return Cat("everstep logs ", job.id, " -f");
    case JobPhase::failed: return Cat("everstep logs ", job.id, " --tail 50");
    case JobPhase::done:
    case JobPhase::cancelled: return Cat("everstep events --job ", job.id);
  }
  return Cat("everstep explain ", job.id);
}

}  // namespace everstep
