#include "launcher/cli/drill_watch.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "launcher/cli/terminal.h"
#include "launcher/cli/text_table.h"

namespace everstep {

namespace {

struct Part {
  std::string_view name;
  std::string_view means;
  std::optional<Duration> DrillView::*at;
};

constexpr Part kRecovery[] = {
    {"noticed", "the generation is known to be broken", &DrillView::noticed},
    {"decided", "hosts, port and checkpoint of the next one are chosen and on disk", &DrillView::decided},
    {"started", "every rank is told to start", &DrillView::started},
    {"next step", "a rank has told of a step (they tell once a second)", &DrillView::stepped},
};
constexpr Part kLauncher[] = {
    {"serving", "the launcher answers again", &DrillView::serving},
    {"hosts back", "as many hosts are ready as before", &DrillView::hosts_back},
    {"next step", "the job, which went on meanwhile, has told of another step", &DrillView::stepped},
};

std::vector<Part> PartsOf(const DrillView& drill) {
  if (drill.node.empty()) return {std::begin(kLauncher), std::end(kLauncher)};
  return {std::begin(kRecovery), std::end(kRecovery)};
}

std::vector<NodeId> HostsOf(const JobView& job) {
  std::vector<NodeId> hosts;
  for (const HostView& host : job.hosts) hosts.push_back(host.node);
  return hosts;
}

std::string Row(std::string_view name, std::string_view value, std::string_view means, std::optional<std::size_t> columns) {
  constexpr std::size_t kName = 12, kValue = 10, kMeans = 2 + kName + kValue + 2;
  std::string row = Cat("  ", name, std::string(kName - std::min(kName, name.size()), ' '));
  row += Cat(std::string(kValue - std::min(kValue, value.size()), ' '), value);
  if (means.empty()) return row + '\n';
  const bool wraps = columns && *columns > kMeans + 20;
  return Cat(row, "  ", wraps ? Wrap(means, *columns - kMeans, kMeans) : std::string(means), '\n');
}

std::string Names(const std::vector<NodeId>& nodes) {
  std::vector<std::string> names;
  for (const NodeId& node : nodes) names.push_back(node.value);
  return Join(names);
}

std::string Outcome(const DrillView& drill) {
  switch (drill.outcome) {
    case DrillOutcome::recovered: return Cat("recovered as generation ", *drill.resumed);
    case DrillOutcome::undisturbed: return "undisturbed";
    case DrillOutcome::refused: return "not done";
    case DrillOutcome::ended: return "not recovered: the job has ended";
    case DrillOutcome::unfinished: break;
  }
  return "not recovered yet";
}

std::string LostText(const DrillView& drill) {
  const std::string from = drill.checkpoint.empty() ? "the start" : drill.checkpoint;
  if (!drill.lost) return Cat("resumed from ", from);
  return Cat(drill.step ? Cat("done ", *drill.step, ", ") : "", "resumed from ", from);
}

}  // namespace

DrillWatch::DrillWatch(const JobView& job, std::string fault, NodeId node, std::optional<std::uint32_t> rank, Duration lasts,
                       bool tears)
    : lasts_(lasts), tears_(tears), tells_steps_(job.progress.has_value()) {
  view_.job = job.id;
  view_.fault = std::move(fault);
  view_.node = std::move(node);
  view_.rank = rank;
  view_.generation = job.generation;
  view_.hosts_before = HostsOf(job);
  view_.why = job.why;
}

void DrillWatch::Mark(std::optional<Duration>& mark, Time now) {
  if (begun_ && !mark) mark = std::max<Duration>(0ns, now - *begun_);
}

void DrillWatch::On(Time now, const EventView& event) {
  if (event.node == view_.node && event.job.empty()) {
    if (event.kind == "node_suspected" || event.kind == "node_lost") silent_ = true;
    if (event.kind == "node_trusted" || event.kind == "node_joined") silent_ = false;
  }
  if (event.job != view_.job) return;
  if (event.kind == "drill_not_done" && begun_) {
    view_.outcome = DrillOutcome::refused;
    view_.why = event.why;
  }
  if (event.kind == "generation_broken") Mark(view_.noticed, now);
  if (event.kind == "generation_planned" && view_.noticed) Mark(view_.decided, now);
  if (event.kind == "generation_started" && view_.decided) Mark(view_.started, now);
  if (event.kind == "checkpoint_noted" && tears_ && begun_ && !view_.started)
    view_.torn = event.why;  // the last before the start
}

void DrillWatch::On(Time now, const JobView& job) {
  if (Done()) return;
  view_.why = job.why;
  if (Ended(job.phase)) {
    const bool well = job.phase == JobPhase::done && job.generation == view_.generation;
    view_.outcome = well ? DrillOutcome::undisturbed : DrillOutcome::ended;
    return;
  }
  if (!begun_ || job.generation <= view_.generation || job.phase != JobPhase::running) return;
  view_.resumed = job.generation;
  view_.hosts_after = HostsOf(job);
  if (job.incident && job.incident->generation == view_.generation) {
    view_.lost = job.incident->steps_lost;
    view_.step = job.incident->step;
    view_.checkpoint = job.incident->checkpoint;
  }
  if (job.progress) Mark(view_.stepped, now);
  if (job.progress || !tells_steps_) view_.outcome = DrillOutcome::recovered;
}

void DrillWatch::Tick(Time now) {
  constexpr Duration kComesLate = 3s;  // what follows from a fault that is over
  const auto end = over();
  if (!Done() && end && now >= *end + kComesLate && !view_.noticed && !silent_) view_.outcome = DrillOutcome::undisturbed;
}

std::string DescribeDrill(const DrillView& drill, std::optional<std::size_t> columns) {
  std::string text = Cat(drill.fault, " on ", drill.job);
  if (!drill.node.empty()) text += Cat(": ", drill.rank ? Cat("rank ", *drill.rank, " on ") : "", drill.node);
  text += Cat(", ", drill.node.empty() ? "" : Cat("generation ", drill.generation, ", "), Outcome(drill), '\n');
  for (const Part& part : PartsOf(drill))
    if (const auto& at = drill.*part.at) text += Row(part.name, Show(*at), part.means, columns);
  if (drill.outcome == DrillOutcome::recovered) {
    text += Row("lost", drill.lost ? Count(*drill.lost, "step") : "unknown", LostText(drill), columns);
    text += Row("hosts", "", Cat(Names(drill.hosts_before), " -> ", Names(drill.hosts_after)), columns);
  }
  if (!drill.torn.empty()) text += Row("torn", "", drill.torn, columns);
  if (drill.outcome != DrillOutcome::recovered && drill.outcome != DrillOutcome::undisturbed)
    text += Row("now", "", drill.why, columns);
  return text;
}

std::string DescribeDrills(const std::vector<DrillView>& drills) {
  TextTable table{.titles = {"", "MIN", "MEDIAN", "MAX"}, .rows = {}};
  for (const Part& part : PartsOf(drills.front())) {
    std::vector<Duration> times;
    for (const DrillView& drill : drills)
      if (const auto& at = drill.*part.at; at && drill.outcome != DrillOutcome::ended) times.push_back(*at);
    if (times.empty()) continue;
    std::sort(times.begin(), times.end());
    table.rows.push_back({std::string(part.name), Show(times.front()),
                          Show((times[(times.size() - 1) / 2] + times[times.size() / 2]) / 2), Show(times.back())});
  }
  return Render(table, {});
}

}  // namespace everstep
