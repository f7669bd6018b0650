#include "launcher/core/reconcile.h"

#include <algorithm>

#include "base/contains.h"
#include "base/text.h"
#include "launcher/core/preflight.h"

namespace everstep {

namespace {

// What a host should do with a gang that it may have.
std::optional<ToAgent> CommandFor(const State& state, const JobState& job, const LiveGang& gang, const GangStatus* status) {
  const bool current = gang.generation == job.generation;
  const bool wanted = current && (job.phase == JobPhase::preparing || job.phase == JobPhase::running);
  if (wanted) {
    if (!status) {
      if (job.started) return std::nullopt;  // AdvanceJob notices that it is gone
      return Prepare{.gang = WithLearned(state, GangFor(job, gang.node))};
    }
    if (job.started && status->phase == GangPhase::prepared) return Start{.job = job.id, .generation = gang.generation};
    return std::nullopt;
  }
  if (!status || status->phase == GangPhase::empty || status->phase == GangPhase::refused) return std::nullopt;
  Stop stop{.job = job.id, .generation = gang.generation};
  stop.grace = current ? job.stop_grace : Duration(0);
  stop.why = current ? Clip(job.why, limit::kWhyBytes) : Cat("generation ", job.generation, " has taken over");
  return stop;
}

// Nothing that comes next in this job runs on the host, as things are now.
bool HasLeft(const JobState& job, const NodeId& node) {
  return Ended(job.phase) || job.phase == JobPhase::stopping || !(Contains(job.hosts, node) || Contains(job.spares, node));
}

const LiveGang* LiveOn(const JobState& job, const NodeId& node, Generation generation) {
  for (const LiveGang& gang : job.live)
    if (gang.node == node && gang.generation == generation) return &gang;
  return nullptr;
}

}  // namespace

std::vector<ToAgent> Reconcile(const World& world, const NodeId& node) {
  std::vector<ToAgent> commands;
  const HostNow* host = HostIn(world, node);
  if (!host || !host->connected || !host->report) return commands;
  for (const auto& [id, job] : world.state.jobs)
    for (const LiveGang& gang : job.live) {
      if (gang.node != node) continue;
      if (auto command = CommandFor(world.state, job, gang, GangOn(world, node, id, gang.generation)))
        commands.push_back(std::move(*command));
    }
  for (const GangStatus& status : host->report->gangs) {
    const JobState* job = JobIn(world.state, status.job);
    if (job && LiveOn(*job, node, status.generation)) continue;
    if (status.phase == GangPhase::empty || status.phase == GangPhase::refused)
      commands.push_back(Forget{.job = status.job, .generation = status.generation, .for_good = !job || HasLeft(*job, node)});
    else
      commands.push_back(Stop{.job = status.job, .generation = status.generation, .why = "this generation is over"});
  }
  return commands;
}

GangSpec GangFor(const JobState& job, const NodeId& node) {
  GangSpec gang;
  gang.job = job.id;
  gang.generation = job.generation;
  gang.command = job.spec.command;
  gang.workdir = job.spec.workdir;
  gang.env = job.spec.env;
  gang.env_from = job.spec.env_from;
  gang.node_rank = static_cast<std::uint32_t>(std::find(job.hosts.begin(), job.hosts.end(), node) - job.hosts.begin());
  gang.node_count = static_cast<std::uint32_t>(job.hosts.size());
  gang.local_world_size = job.processes_per_node;
  gang.world_size = gang.node_count * gang.local_world_size;
  gang.first_rank = gang.node_rank * gang.local_world_size;
  gang.master_address = job.master_address;
  gang.master_port = job.master_port;
  gang.restart_count = static_cast<std::uint32_t>(job.generation.value - 1) - job.preflights;
  gang.restarts_max = job.spec.restart.budget;
  // In the agent's environment, not the job's, but for how libfabric is told of the fabric: what a job preloads proves nothing.
  if (job.preflight || IsHostCheck(job.spec)) {
    gang.workdir = "/";
    gang.env_from.clear();
    std::erase_if(gang.env, [](const auto& variable) { return !variable.first.starts_with("FI_"); });
  }
  if (job.preflight) {
    gang.restart_count = 0;
    gang.command = PreflightCommand(job.spec, job.hosts.size());
    gang.progress.step = "^everstep-probe tells of no step([0-9]+)$";
    return gang;
  }
  gang.checkpoint = job.spec.checkpoint;
  gang.progress = job.spec.progress;
  gang.warm = job.spec.restart.warm;
  gang.watches_checkpoints = job.spec.checkpoint.has_value() && gang.node_rank == 0;
  if (!job.resume) return gang;
  for (const CheckpointRecord& record : job.checkpoints)
    if (record.id == *job.resume) gang.resume = record.seen;
  if (gang.resume) gang.command.insert(gang.command.end(), job.spec.resume_args.begin(), job.spec.resume_args.end());
  return gang;
}

}  // namespace everstep
