#include "launcher/core/checkpoints.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "launcher/core/sentence.h"

namespace everstep {

namespace {

// "latest.pt@g2#7": the job's seventh. Numbered over the life of the job, because what is kept of it says nothing about what
// was before: a name is saved again and again, and its old records go.
CheckpointId NewId(const JobState& job, const CheckpointSeen& seen, std::uint64_t news_before) {
  return CheckpointId(Cat(Clip(seen.source, 200), "@g", seen.generation, '#', job.checkpoints_ever + news_before + 1));
}

bool Known(const JobState& job, const CheckpointSeen& seen) {
  return std::any_of(job.checkpoints.begin(), job.checkpoints.end(), [&](const CheckpointRecord& r) { return r.seen == seen; });
}

// Records are kept for the newest ones only, and one that comes pushes out the one that came first. An agent that starts again
// may tell of every checkpoint that lies in the directory: the long forgotten ones must not push out the newest.
bool LongForgotten(const World& world, const JobState& job, const CheckpointSeen& seen) {
  if (!seen.complete || !seen.step || job.checkpoints.size() < world.policy.checkpoints_kept) return false;
  return std::any_of(job.checkpoints.begin(), job.checkpoints.end(), [&](const CheckpointRecord& record) {
    // A generation that began again from its first step saves what is new, whatever was saved before it.
    return record.offered && record.seen.step && *record.seen.step > *seen.step &&
           (seen.was_there || record.seen.generation == seen.generation);
  });
}

// What is told under the path of a checkpoint that was registered: it is damaged, or gone.
const CheckpointRecord* AtPath(const JobState& job, const CheckpointSeen& seen) {
  const auto at = std::find_if(job.checkpoints.rbegin(), job.checkpoints.rend(), [&](const CheckpointRecord& record) {
    return record.seen.complete && record.seen.path == seen.path;
  });
  return at == job.checkpoints.rend() ? nullptr : &*at;
}

}  // namespace

Facts RegisterCheckpoints(const World& world, const NodeId& node, const Report& report) {
  Facts facts;
  std::map<JobId, std::uint64_t> news;
  for (const CheckpointSeen& seen : report.checkpoints) {
    const JobState* job = JobIn(world.state, seen.job);
    if (!job || Ended(job->phase) || !job->started || job->generation != seen.generation) continue;
    if (job->hosts.empty() || job->hosts.front() != node || Known(*job, seen)) continue;
    if (const CheckpointRecord* lost = seen.complete ? nullptr : AtPath(*job, seen)) {
      if (lost->offered)
        facts.push_back(CheckpointWithdrawn{
            seen.job, lost->id, Sentence("checkpoint ", Said(lost->id.value), " is not offered any more: ", Said(seen.why))});
      continue;
    }
    // The generation has begun from somewhere else: to resume from this later would be to jump into another history.
    if (seen.was_there || LongForgotten(world, *job, seen)) continue;
    const CheckpointId id = NewId(*job, seen, news[seen.job]++);
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
