#include "launcher/core/exclusion.h"

#include <algorithm>
#include <vector>

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

// Whether the agent that speaks for the host now is the one that has the gang. One with another state directory knows nothing
// of it: a second agent of that name, or one whose directory was wiped.
bool SameAgent(const NodeState& node, const LiveGang& gang) { return node.state_id == gang.state_id; }

std::optional<std::string> SaidGone(const World& world, const JobState& job, const LiveGang& gang) {
  const HostNow* host = HostIn(world, gang.node);
  if (!host || !host->connected || !host->report) return std::nullopt;
  const GangStatus* status = GangOn(world, gang.node, job.id, gang.generation);
  if (!status && !SameAgent(*NodeIn(world.state, gang.node), gang)) return std::nullopt;
  if (!status) return Cat(gang.node, " has no gang of generation ", gang.generation);
  if (status->phase == GangPhase::refused)
    return Sentence(gang.node, " refused generation ", gang.generation, ": ", Said(status->why));
  if (status->phase != GangPhase::empty) return std::nullopt;
  if (status->fenced) return Cat(gang.node, " fenced itself: generation ", gang.generation, " was killed by its keeper");
  return Cat(gang.node, " reported generation ", gang.generation, " empty");
}

// L2: since when at least half of the membership that the host may hold have been heard without a gap; nullopt: they are not.
std::optional<Time> HalfHeardSince(const World& world, const LiveGang& gang, std::uint64_t told) {
  std::size_t silent = 0;
  std::vector<Time> members, perhaps;  // since when each was heard; perhaps: joined, was evicted or came back since
  for (const auto& [id, node] : world.state.nodes) {
    const HostNow* host = HostIn(world, id);
    const bool changed = node.changed > told;
    if (!changed && !node.member) continue;
    if (!host || host->pulse != Pulse::trusted || id == gang.node)
      ++silent;
    else
      (changed ? perhaps : members).push_back(host->heard_since);
  }
  std::sort(members.begin(), members.end());
  std::sort(perhaps.begin(), perhaps.end());
  // Whether the perhaps are members there is not known, so each counts as it is worse for us: as a silent member until it is
  // heard, as none from then on.
  const auto half_by = [&](Time t) {
    const auto heard = std::upper_bound(members.begin(), members.end(), t) - members.begin();
    const auto late = perhaps.end() - std::upper_bound(perhaps.begin(), perhaps.end(), t);
    return 2 * heard >= static_cast<std::ptrdiff_t>(members.size() + silent) + late;
  };
  std::vector<Time> moments(members);
  moments.insert(moments.end(), perhaps.begin(), perhaps.end());
  std::sort(moments.begin(), moments.end());
  const auto first = std::partition_point(moments.begin(), moments.end(), [&](Time t) { return !half_by(t); });
  return first == moments.end() ? std::nullopt : std::optional(*first);
}

// Since when nothing was heard of the agent that has the gang. Another one took over when that one was not heard any more.
Time SilentSince(const NodeState& node, const HostNow& host, const LiveGang& gang) {
  return SameAgent(node, gang) ? host.silent_since : node.speaks_since;
}

// From when on silence suffices, if nothing changes.
std::optional<Time> SilenceSuffices(const World& world, const LiveGang& gang) {
  const NodeState* node = NodeIn(world.state, gang.node);
  const HostNow* host = HostIn(world, gang.node);
  if (!node || !host) return std::nullopt;
  const bool same = SameAgent(*node, gang);
  if (same && (node->member || host->pulse != Pulse::lost)) return std::nullopt;
  const auto half = HalfHeardSince(world, gang, same ? std::max(gang.membership, host->told) : gang.membership);
  if (!half) return std::nullopt;
  return std::max(SilentSince(*node, *host, gang), *half) + FenceTime(world.policy.fence_after) + 1ns;
}

}  // namespace

std::optional<std::string> ExcludedBecause(const World& world, Time now, const JobState& job, const LiveGang& gang) {
  const NodeState* node = NodeIn(world.state, gang.node);
  if (!node) return Cat(gang.node, " is not known any more");
  const bool same = SameAgent(*node, gang);
  if (same && node->boot != gang.boot) return Cat(gang.node, " came back with a new boot id");
  if (auto gone = SaidGone(world, job, gang)) return gone;
  if (same && node->member) return std::nullopt;
  for (const FenceRecord& fence : world.state.fences)
    if (fence.node == gang.node && fence.boot == gang.boot && fence.off)
      return Cat("the fence hook says that ", gang.node, " is off");
  const auto due = SilenceSuffices(world, gang);
  if (!due || now < *due) return std::nullopt;
  return Cat(same ? gang.node.value : Cat("the agent that ", gang.node, " had before"), " is silent for ",
             Show(now - SilentSince(*node, *HostIn(world, gang.node), gang)), ", longer than its fence time of ",
             Show(FenceTime(world.policy.fence_after)), ": its keeper has ended generation ", gang.generation);
}

std::optional<Time> ExclusionDue(const World& world, const LiveGang& gang) { return SilenceSuffices(world, gang); }

std::optional<std::string> StuckBecause(const World& world, const LiveGang& gang) {
  const NodeState* node = NodeIn(world.state, gang.node);
  const HostNow* host = HostIn(world, gang.node);
  if (!node || !host) return std::nullopt;
  const bool same = SameAgent(*node, gang);
  if (same && host->pulse != Pulse::lost) return std::nullopt;
  if (same && node->member) return node->why;  // the half rule holds its eviction back, and says so
  if (SilenceSuffices(world, gang)) return std::nullopt;
  return Sentence(
      "generation ", gang.generation, " may live on ", gang.node,
      ", which may reach more than half of the hosts it knows: it must report, come back rebooted, or be vouched for: "
      "everstep node ",
      gang.node, " --confirm-dead");
}

}  // namespace everstep
