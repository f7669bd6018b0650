#include "launcher/core/exclusion.h"

#include <algorithm>

#include "base/text.h"
#include "launcher/core/sentence.h"

namespace everstep {

Duration FenceTime(Duration fence_after) { return fence_after + fence_after / 10 + 500ms; }

const GangStatus* GangOn(const World& world, const NodeId& node, const JobId& job, Generation generation) {
  const HostNow* host = HostIn(world, node);
  if (!host || !host->report) return nullptr;
  for (const GangStatus& gang : host->report->gangs)
    if (gang.job == job && gang.generation == generation) return &gang;
  return nullptr;
}

namespace {

std::optional<std::string> SaidGone(const World& world, const JobState& job, const LiveGang& gang) {
  const HostNow* host = HostIn(world, gang.node);
  if (!host || !host->connected || !host->report) return std::nullopt;
  const GangStatus* status = GangOn(world, gang.node, job.id, gang.generation);
  if (!status) {
    // Not there yet is not gone: the current generation is only just being prepared.
    const bool awaited = gang.generation == job.generation && job.phase == JobPhase::preparing;
    if (awaited) return std::nullopt;
    return Cat(gang.node, " has no gang of generation ", gang.generation);
  }
  if (status->phase == GangPhase::refused)
    return Sentence(gang.node, " refused generation ", gang.generation, ": ", Said(status->why));
  if (status->phase != GangPhase::empty) return std::nullopt;
  return Cat(gang.node, status->fenced ? " fenced itself: generation " : " reported generation ", gang.generation,
             status->fenced ? " was killed by its keeper" : " empty");
}

}  // namespace

std::optional<std::string> ExcludedBecause(const World& world, Time now, const JobState& job, const LiveGang& gang) {
  const NodeState* node = NodeIn(world.state, gang.node);
  if (!node) return Cat(gang.node, " is not known any more");
  if (auto gone = SaidGone(world, job, gang)) return gone;
  if (node->member && node->boot != gang.boot) return Cat(gang.node, " came back with a new boot id");
  if (node->member) return std::nullopt;
  for (const FenceRecord& fence : world.state.fences)
    if (fence.node == gang.node && fence.boot == gang.boot && fence.off)
      return Cat("the fence hook says that ", gang.node, " is off");
  const HostNow* host = HostIn(world, gang.node);
  if (!host) return std::nullopt;
  const Duration silence = now - host->silent_since;
  const Duration needed = FenceTime(world.policy.fence_after);
  if (silence <= needed) return std::nullopt;
  return Cat(gang.node, " is lost and silent for ", Show(silence), ", longer than its fence time of ", Show(needed));
}

std::optional<Time> ExclusionDue(const World& world, const LiveGang& gang) {
  const NodeState* node = NodeIn(world.state, gang.node);
  const HostNow* host = HostIn(world, gang.node);
  if (!node || node->member || !host) return std::nullopt;
  return host->silent_since + FenceTime(world.policy.fence_after) + 1ns;
}

}  // namespace everstep
