#include "launcher/core/hang.h"

#include <algorithm>

#include "launcher/core/sentence.h"

namespace everstep {

namespace {

constexpr Duration kAutomatic = 40min;
constexpr int kStepsAutomatic = 100;

// The newest of what its hosts say; they differ by a second at most.
std::optional<Progress> NewestProgress(const World& world, const JobState& job) {
  std::optional<Progress> newest;
  for (const NodeId& node : job.hosts) {
    const GangStatus* gang = GangOn(world, node, job.id, job.generation);
    if (gang && gang->progress && (!newest || gang->progress->step > newest->step)) newest = gang->progress;
  }
  return newest;
}

// Since when all its hosts have been heard without a gap; nullopt: some are not heard.
std::optional<Time> AllHeardSince(const World& world, const JobState& job) {
  Time since{};
  for (const NodeId& node : job.hosts) {
    const HostNow* host = HostIn(world, node);
    if (!host || !host->connected || host->pulse != Pulse::trusted) return std::nullopt;
    since = std::max(since, host->heard_since);
  }
  return since;
}

}  // namespace

void NoteSteps(World& world, Time now, const NodeId& node, const Report& report) {
  for (const GangStatus& gang : report.gangs) {
    const JobState* job = JobIn(world.state, gang.job);
    if (!gang.progress || !job || job->phase != JobPhase::running || job->generation != gang.generation) continue;
    const GangStatus* before = GangOn(world, node, gang.job, gang.generation);
    const GangKey key{gang.job, gang.generation};
    if (before && before->progress && before->progress->step == gang.progress->step && world.stepped.contains(key)) continue;
    std::erase_if(world.stepped,
                  [&](const auto& known) { return known.first.job == key.job && known.first.generation < key.generation; });
    world.stepped[key] = now;
  }
}

std::optional<Duration> HangAfter(const World& world, const JobState& job) {
  const std::optional<Duration>& given = job.spec.progress.hang_after;
  if (given) return *given == 0ns ? std::nullopt : given;
  const auto progress = NewestProgress(world, job);
  const Duration step = std::min(progress ? progress->step_time.value_or(0ns) : 0ns, kHangAfterMost / kStepsAutomatic);
  return std::max<Duration>(kAutomatic, step * kStepsAutomatic);
}

std::optional<Time> HungAt(const World& world, const JobState& job) {
  const auto stepped = world.stepped.find({job.id, job.generation});
  if (stepped == world.stepped.end() || job.spec.progress.hang_after == Duration(0)) return std::nullopt;
  const auto after = HangAfter(world, job);
  const auto heard = AllHeardSince(world, job);
  if (!heard || !after) return std::nullopt;
  return std::max(stepped->second, *heard) + *after;
}

std::optional<GenerationBroken> Hung(const World& world, Now now, const JobState& job) {
  const auto due = HungAt(world, job);
  if (!due || std::min(now.at, world.heard_until) < *due) return std::nullopt;
  const auto progress = NewestProgress(world, job);
  const Duration silence = now.at - world.stepped.at({job.id, job.generation});
  GenerationBroken broken{.job = job.id, .generation = job.generation, .hung = true, .grace = world.policy.recovery_grace};
  broken.cause = Cat("its ranks hang: no new step for ", Show(silence), progress ? Cat(", the last was ", progress->step) : "",
                     " (progress.hang_after", job.spec.progress.hang_after ? ")" : ": auto)");
  broken.why = Sentence(broken.cause, "; generation ", job.generation, " is stopped");
  return broken;
}

}  // namespace everstep
