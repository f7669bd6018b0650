#include "launcher/core/status.h"

#include <algorithm>

#include "base/text.h"
#include "launcher/core/blame.h"
#include "launcher/core/placement.h"
#include "launcher/core/recovery.h"

namespace everstep {

namespace {

std::string StateOf(const RankExit& exit) {
  if (exit.signal) return Cat(SignalName(*exit.signal), exit.oom_kill ? " (oom)" : "");
  return Cat("exited ", exit.code.value_or(1));
}

std::vector<RankView> Ranks(const World& world, const JobState& job) {
  std::vector<RankView> ranks;
  for (std::size_t i = 0; i < job.hosts.size(); ++i) {
    const GangStatus* gang = GangOn(world, job.hosts[i], job.id, job.generation);
    for (std::uint32_t local = 0; local < job.processes_per_node; ++local) {
      RankView view{static_cast<std::uint32_t>(i) * job.processes_per_node + local, job.hosts[i], 0,
                    job.started ? "unknown" : "waiting"};
      for (const RankEnd& end : job.ends)
        if (end.rank == view.rank) view.state = StateOf(end.exit);
      if (gang)
        for (const RankStatus& rank : gang->ranks) {
          if (rank.rank != view.rank) continue;
          view.pid = rank.pid;
          view.state = rank.exit ? StateOf(*rank.exit) : "running";
        }
      ranks.push_back(std::move(view));
    }
  }
  return ranks;
}

std::optional<std::uint64_t> StepOf(const World& world, const JobState& job) {
  std::optional<std::uint64_t> step;
  const auto raise = [&step](std::optional<std::uint64_t> to) {
    if (to && (!step || *to > *step)) step = to;
  };
  if (const CheckpointRecord* newest = NewestOffered(job)) raise(newest->seen.step);
  for (const NodeId& node : job.hosts)
    if (const GangStatus* gang = GangOn(world, node, job.id, job.generation)) raise(gang->step);
  return step;
}

std::string RoleOn(const JobState& job, const NodeId& node) {
  for (std::size_t i = 0; i < job.hosts.size() && job.phase != JobPhase::stopping; ++i) {
    if (job.hosts[i] != node) continue;
    const std::uint64_t first = i * job.processes_per_node;
    return job.processes_per_node == 1 ? Cat("rank ", first) : Cat("rank ", first, '-', first + job.processes_per_node - 1);
  }
  if (std::find(job.spares.begin(), job.spares.end(), node) != job.spares.end()) return "spare";
  for (const LiveGang& gang : job.live)
    if (gang.node == node) return "leaving";
  return {};
}

}  // namespace

JobView ViewOf(const World& world, Now now, const JobState& job) {
  JobView view;
  view.id = job.id;
  view.name = job.spec.name;
  view.phase = job.phase;
  view.why = job.why;
  if (job.phase == JobPhase::queued) {
    const std::vector<JobId> queue = QueueOrder(world.state);
    view.queue_position = static_cast<std::uint32_t>(std::find(queue.begin(), queue.end(), job.id) - queue.begin()) + 1;
    view.why = WhyNotPlaced(world, job);
  }
  view.priority = job.spec.priority;
  view.nodes = job.spec.nodes;
  view.spares = job.spec.spares;
  view.world_size = static_cast<std::uint32_t>(job.hosts.size()) * job.processes_per_node;
  view.generation = job.generation;
  for (std::uint32_t i = 0; i < job.hosts.size(); ++i) {
    const NodeState* node = NodeIn(world.state, job.hosts[i]);
    view.hosts.push_back({job.hosts[i], node ? node->address : "", i, i * job.processes_per_node, job.processes_per_node});
  }
  view.spare_hosts = job.spares;
  view.ranks = Ranks(world, job);
  view.restarts = RestartsInWindow(job, now.at);
  view.restarts_max = job.spec.restart.budget;
  view.step = StepOf(world, job);
  if (const CheckpointRecord* newest = NewestOffered(job))
    view.checkpoint = CheckpointView{newest->id.value,        newest->seen.step, newest->seen.path,
                                     newest->seen.generation, newest->at,        newest->seen.why};
  if (Ended(job.phase)) view.exit_code = job.exit_code;
  view.submitted_at = job.submitted_at;
  view.started_at = job.started_at;
  view.ended_at = job.ended_at;
  view.command = job.spec.command;
  return view;
}

NodeView ViewOf(const World& world, Now now, const NodeState& node) {
  NodeView view{.node = node.node,
                .why = node.why,
                .address = node.address,
                .accelerators = node.accelerators,
                .boot = node.boot,
                .version = node.version};
  for (const auto& [id, job] : world.state.jobs) {
    if (Ended(job.phase)) continue;
    if (std::string role = RoleOn(job, node.node); !role.empty()) {
      view.job = id;
      view.role = std::move(role);
    }
  }
  const HostNow* host = HostIn(world, node.node);
  const bool heard = host && host->report.has_value();
  if (heard) view.silent_for = std::max(Duration(0), now.at - host->silent_since);
  if (!node.member) {
    view.phase = NodePhase::lost;
  } else if (!heard) {
    view.phase = NodePhase::away;
    view.why = "not heard since the launcher started";
  } else if (host->pulse != Pulse::trusted) {
    view.phase = NodePhase::suspect;
    view.why = host->pulse_why;
  }
  return view;
}

std::vector<JobView> ViewJobs(const World& world, Now now, const ListJobs& request) {
  std::vector<const JobState*> jobs;
  for (const auto& [id, job] : world.state.jobs)
    if (request.ended || !Ended(job.phase)) jobs.push_back(&job);
  std::sort(jobs.begin(), jobs.end(), [](const JobState* a, const JobState* b) {
    return Ended(a->phase) != Ended(b->phase) ? !Ended(a->phase) : a->order > b->order;
  });
  if (jobs.size() > request.rows_max) jobs.resize(request.rows_max);
  std::vector<JobView> views;
  for (const JobState* job : jobs) views.push_back(ViewOf(world, now, *job));
  return views;
}

std::vector<NodeView> ViewNodes(const World& world, Now now) {
  std::vector<NodeView> views;
  for (const auto& [id, node] : world.state.nodes) views.push_back(ViewOf(world, now, node));
  std::sort(views.begin(), views.end(), [](const NodeView& a, const NodeView& b) { return NaturalLess(a.node, b.node); });
  return views;
}

Explanation Explain(const World& world, Now now, const JobState& job) {
  Explanation explanation{.job = ViewOf(world, now, job)};
  std::vector<std::string>& says = explanation.sentences;
  says.push_back(Cat(Name(job.phase), ": ", explanation.job.why));
  if (explanation.job.queue_position)
    says.push_back(Cat("queue position ", *explanation.job.queue_position, ", priority ", job.spec.priority));
  if (job.phase == JobPhase::recovering)
    for (const LiveGang& gang : job.live)
      says.push_back(Cat("waits until generation ", gang.generation, " is certainly gone from ", gang.node));
  if (!job.avoid.empty())
    for (const NodeId& node : job.avoid) says.push_back(Cat(node, " is not used: it failed this job before"));
  if (job.restarts_total > 0)
    says.push_back(Cat("restarted ", job.restarts_total, " times, ", RestartsInWindow(job, now.at), " of ",
                       job.spec.restart.budget, " within ", Show(job.spec.restart.window)));
  if (const CheckpointRecord* newest = NewestOffered(job))
    says.push_back(Cat("a restart resumes from ", newest->id, " (", newest->seen.path, "; ", newest->seen.why, ")"));
  else if (job.spec.checkpoint)
    says.push_back("a restart begins at the start: no checkpoint is registered yet");
  for (const CheckpointRecord& record : job.checkpoints)
    if (!record.offered) says.push_back(record.why_not);
  return explanation;
}

}  // namespace everstep
