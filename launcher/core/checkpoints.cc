#include "launcher/core/checkpoints.h"

#include <algorithm>

#include "base/text.h"
#include "launcher/core/sentence.h"

namespace everstep {

namespace {

// "step-40.pt@g2", or "latest.pt@g2#3" for the third of that name.
CheckpointId NewId(const JobState& job, const CheckpointSeen& seen, const Report& report) {
  const auto same_source = [&](const CheckpointSeen& other) {
    return other.source == seen.source && other.generation == seen.generation;
  };
  std::size_t k = 1;
  for (const CheckpointRecord& record : job.checkpoints) k += same_source(record.seen) ? 1 : 0;
  for (const CheckpointSeen& other : report.checkpoints) k += &other < &seen && same_source(other) ? 1 : 0;
  const std::string base = Cat(Clip(seen.source, 200), "@g", seen.generation);
  return CheckpointId(k == 1 ? base : Cat(base, '#', k));
}

bool Known(const JobState& job, const CheckpointSeen& seen) {
  return std::any_of(job.checkpoints.begin(), job.checkpoints.end(), [&](const CheckpointRecord& r) { return r.seen == seen; });
}

}  // namespace

Facts RegisterCheckpoints(const World& world, const NodeId& node, const Report& report) {
  Facts facts;
  for (const CheckpointSeen& seen : report.checkpoints) {
    const JobState* job = JobIn(world.state, seen.job);
    if (!job || Ended(job->phase) || !job->started || job->generation != seen.generation) continue;
    if (job->hosts.empty() || job->hosts.front() != node || Known(*job, seen)) continue;
    // The generation has begun from somewhere else: to resume from this later would be to jump into another history.
    if (seen.was_there) continue;
    const CheckpointId id = NewId(*job, seen, report);
    const std::string source = Said(seen.source);
    const std::string name = seen.step ? Cat(source, " (step ", *seen.step, ")") : source;
    if (seen.complete)
      facts.push_back(CheckpointRegistered{seen.job, id, seen, Sentence("checkpoint ", name, " registered: ", Said(seen.why))});
    else
      facts.push_back(CheckpointNoted{seen.job, id, seen, Sentence("checkpoint ", name, " is not offered: ", Said(seen.why))});
  }
  return facts;
}

std::vector<std::string> RegisteredIn(const State& state, const Report& report) {
  std::vector<std::string> paths;
  for (const CheckpointSeen& seen : report.checkpoints) {
    const JobState* job = JobIn(state, seen.job);
    if (!job || !seen.complete || job->generation != seen.generation) continue;
    const auto offers = [&](const CheckpointRecord& record) { return record.offered && record.seen.path == seen.path; };
    if (std::any_of(job->checkpoints.begin(), job->checkpoints.end(), offers)) paths.push_back(seen.path);
  }
  return paths;
}

}  // namespace everstep
