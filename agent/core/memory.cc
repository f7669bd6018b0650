#include "agent/core/memory.h"

#include <algorithm>

#include "base/text.h"

namespace everstep {

namespace {
JobMemory Of(const AgentMemory& memory, const JobId& job) {
  const auto found = std::find_if(memory.jobs.begin(), memory.jobs.end(), [&](const JobMemory& j) { return j.job == job; });
  return found == memory.jobs.end() ? JobMemory{.job = job} : *found;
}
AgentMemory With(AgentMemory memory, const JobMemory& job) {
  std::erase_if(memory.jobs, [&](const JobMemory& j) { return j.job == job.job; });
  memory.jobs.push_back(job);
  if (memory.jobs.size() > kJobsRemembered) memory.jobs.erase(memory.jobs.begin());
  return memory;
}
}  // namespace

std::optional<std::string> WhyStaleEpoch(const AgentMemory& memory, Epoch epoch) {
  if (epoch >= memory.epoch) return std::nullopt;
  return Cat("epoch ", epoch, " is over: this host has obeyed epoch ", memory.epoch);
}

std::optional<std::string> WhyNotPrepare(const AgentMemory& memory, const GangKey& gang) {
  const JobMemory job = Of(memory, gang.job);
  if (gang.generation < job.prepared)
    return Cat("generation ", gang.generation, " is over: generation ", job.prepared, " was prepared here");
  if (gang.generation <= job.started) return Cat("generation ", gang.generation, " was started here before");
  if (gang.generation <= job.forgotten) return Cat("generation ", gang.generation, " is over: it was forgotten here");
  return std::nullopt;
}

std::optional<std::string> WhyNotStart(const AgentMemory& memory, const GangKey& gang) {
  const JobMemory job = Of(memory, gang.job);
  if (gang.generation != job.prepared)
    return Cat("generation ", gang.generation, " is not the one prepared here, which is ", job.prepared);
  if (gang.generation <= job.started) return Cat("generation ", gang.generation, " was started here before");
  return std::nullopt;
}

AgentMemory WithPrepared(AgentMemory memory, const GangRecord& gang) {
  JobMemory job = Of(memory, gang.job);
  job.prepared = std::max(job.prepared, gang.generation);
  memory = WithoutGang(std::move(memory), {.job = gang.job, .generation = gang.generation});
  memory.gangs.push_back(gang);
  return With(std::move(memory), job);
}

AgentMemory WithStarted(AgentMemory memory, const GangKey& gang) {
  JobMemory job = Of(memory, gang.job);
  job.started = std::max(job.started, gang.generation);
  return With(std::move(memory), job);
}

AgentMemory WithForgotten(AgentMemory memory, const GangKey& gang) {
  JobMemory job = Of(memory, gang.job);
  job.forgotten = std::max(job.forgotten, gang.generation);
  return With(std::move(memory), job);
}

AgentMemory WithoutGang(AgentMemory memory, const GangKey& gang) {
  std::erase_if(memory.gangs, [&](const GangRecord& g) { return g.job == gang.job && g.generation == gang.generation; });
  return memory;
}

bool WasStarted(const AgentMemory& memory, const GangKey& gang) { return Of(memory, gang.job).started >= gang.generation; }

}  // namespace everstep
