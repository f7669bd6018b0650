#include "launcher/core/incidents.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace everstep {

namespace {

std::optional<Duration> Between(std::optional<Time> from, std::optional<Time> to) {
  if (!from || !to) return std::nullopt;
  return std::max(Duration(0), *to - *from);
}

std::optional<std::uint64_t> StepsLost(const Incident& incident) {
  if (!incident.step || !incident.resume_step) return std::nullopt;
  return *incident.step - std::min(*incident.step, *incident.resume_step);
}

}  // namespace

std::string LostText(const JobState& job, Time started) {
  if (job.incidents.empty() || job.incidents.back().generation.Next() != job.generation) return {};
  const Incident& incident = job.incidents.back();
  const auto lost = Between(incident.noticed, started);
  const auto steps = StepsLost(incident);
  std::vector<std::string> parts;
  if (steps && *steps > 0) parts.push_back(Count(*steps, "step"));
  if (lost && *lost > 0ns) parts.push_back(Show(*lost));
  return parts.empty() ? std::string() : Cat("; ", Join(parts, " and "), " lost");
}

std::string LogsCommand(const JobId& job, Generation generation, std::optional<std::uint32_t> rank) {
  return Cat("everstep logs ", job, rank ? Cat(" --rank ", *rank) : std::string(), " --generation ", generation, " --tail 50");
}

IncidentView ViewOf(const JobState& job, const Incident& incident) {
  IncidentView view{.job = job.id,
                    .number = incident.number,
                    .generation = incident.generation,
                    .at = incident.at,
                    .outcome = incident.outcome,
                    .blame = incident.blame.kind,
                    .cause = incident.blame.cause,
                    .means = incident.blame.means,
                    .node = incident.blame.node,
                    .rank = incident.blame.rank,
                    .code = incident.blame.code,
                    .signal = incident.blame.signal,
                    .step = incident.step};
  view.steps_lost = StepsLost(incident);
  if (incident.resume) view.checkpoint = incident.resume->value;
  view.noticing = Between(incident.noticed, incident.broken);
  view.stopping = Between(incident.broken, incident.stopped);
  view.placing = Between(incident.stopped, incident.planned);
  view.preparing = Between(incident.planned, incident.started);
  view.lost = Between(incident.noticed, incident.started);
  view.next = incident.next;
  if (job.started_at) view.logs = LogsCommand(job.id, incident.generation, incident.blame.rank);
  return view;
}

std::vector<IncidentView> ViewIncidents(const State& state, const ListIncidents& request) {
  std::vector<std::pair<Time, IncidentView>> found;
  for (const auto& [id, job] : state.jobs) {
    if (!request.job.empty() && id != request.job) continue;
    for (const Incident& incident : job.incidents)
      if (request.node.empty() || incident.blame.node == request.node)
        found.emplace_back(incident.broken, ViewOf(job, incident));
  }
  // By log time: the wall clock may have been set.
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  const std::size_t shown = std::min<std::size_t>(found.size(), request.rows_max);
  std::vector<IncidentView> views;
  for (auto it = found.end() - static_cast<std::ptrdiff_t>(shown); it != found.end(); ++it)
    views.push_back(std::move(it->second));
  return views;
}

}  // namespace everstep
