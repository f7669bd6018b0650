#include "launcher/core/requests.h"

#include <algorithm>

#include "launcher/core/preflight.h"
#include "launcher/core/sentence.h"
#include "launcher/core/status.h"

namespace everstep {

namespace {
constexpr std::uint32_t kCancelledCode = 143;  // as if ended by SIGTERM

bool IsName(const State& state, const std::string& word) {
  return std::any_of(state.jobs.begin(), state.jobs.end(), [&](const auto& entry) { return entry.second.spec.name == word; });
}
}  // namespace

const JobState* SubmittedBefore(const State& state, const std::string& request_id) {
  if (request_id.empty()) return nullptr;
  for (const auto& [id, job] : state.jobs)
    if (job.request_id == request_id) return &job;
  return nullptr;
}

Result<JobSubmitted> Submit(const World& world, Now now, const SubmitJob& request) {
  std::size_t open = 0;
  for (const auto& [id, job] : world.state.jobs) open += Ended(job.phase) ? 0 : 1;
  if (open >= world.policy.jobs_max)
    return Fail(ErrorCode::kExhausted,
                Cat("the queue is full: ", open, " jobs have not ended, jobs_max is ", world.policy.jobs_max),
                "cancel some, or raise jobs_max in launcher.yaml");
  if (JobIn(world.state, JobId(request.spec.name)))
    return Fail(ErrorCode::kConflict, Cat("name: found \"", request.spec.name, "\", which is the id of another job"),
                "choose another name");
  for (const std::string& name : request.spec.hosts)
    if (!NodeIn(world.state, NodeId(name)))
      return Fail(ErrorCode::kNotFound, Cat("hosts: there is no host ", name), "`everstep nodes` lists them");
  const std::string number = Cat('-', world.state.last_order + 1);
  std::string stem = request.spec.name.substr(0, limit::kNameBytes - number.size());
  while (!stem.empty() && stem.back() == '-') stem.pop_back();
  while (IsName(world.state, stem + number)) stem = stem.substr(0, limit::kNameBytes - number.size() - 1) + 'x';
  JobSubmitted submitted{.job = JobId(stem + number),
                         .spec = WithDefaults(request.spec, world.policy.preflight),
                         .request_id = request.request_id};
  JobState as_queued;
  as_queued.id = submitted.job;
  as_queued.spec = submitted.spec;
  as_queued.order = world.state.last_order + 1;
  submitted.why = Cat("queued: ", WhyQueued(world, now, as_queued));
  return submitted;
}

Result<Facts> Cancel(const JobState& job, const CancelJob& request) {
  if (Ended(job.phase))
    return Fail(ErrorCode::kConflict, Cat(job.id, " has ended already: ", Name(job.phase), " (", job.why, ")"));
  const std::string why = Sentence("cancelled by ", Who(request.by));
  const Duration grace = request.now ? 0s : job.spec.stop_grace;
  switch (job.phase) {
    case JobPhase::queued: return Facts{JobEnded{job.id, JobPhase::cancelled, kCancelledCode, why}};
    case JobPhase::stopping:
      if (job.stop_grace <= grace)
        return Fail(ErrorCode::kConflict, Cat(job.id, " is stopping already: ", job.give_up), "--now kills its ranks at once");
      return Facts{JobStopping{job.id, job.outcome, job.exit_code.value_or(1), grace,
                               Sentence(OneLine(job.give_up, 800), "; killed without grace by ", Who(request.by))}};
    case JobPhase::recovering:  // its ranks have their SIGTERM already
      return Facts{JobStopping{job.id, JobPhase::cancelled, kCancelledCode, std::min(grace, job.stop_grace), why}};
    default:
      return Facts{
          JobStopping{job.id, JobPhase::cancelled, kCancelledCode, grace, why, {.kind = BlameClass::user, .cause = why}}};
  }
}

Result<const JobState*> FindJob(const State& state, const JobId& id_or_name) {
  if (const JobState* job = JobIn(state, id_or_name)) return job;
  std::vector<const JobState*> open;
  const JobState* ended = nullptr;
  for (const auto& [id, job] : state.jobs) {
    if (job.spec.name != id_or_name.value) continue;
    if (!Ended(job.phase))
      open.push_back(&job);
    else if (!ended || job.order > ended->order)
      ended = &job;
  }
  if (open.size() == 1) return open.front();
  if (open.empty() && ended) return ended;
  const std::string said = Clip(Printable(id_or_name.value), 80);
  if (open.empty()) return Fail(ErrorCode::kNotFound, Cat("there is no job \"", said, '"'), "`everstep jobs --all` lists them");
  std::sort(open.begin(), open.end(), [](const JobState* a, const JobState* b) { return a->order < b->order; });
  std::vector<std::string> ids;
  for (const JobState* job : open) ids.push_back(job->id.value);
  return Fail(ErrorCode::kConflict,
              Cat(said, " is the name of ", open.size(), " jobs that have not ended: ", FirstOf(std::move(ids), ", ")),
              "say which by its id");
}

}  // namespace everstep
