// When is a gang of an older generation certainly without effect on a host, so that a newer one may start elsewhere? Promise 2
// of the product. The evidence is one of:
//
//   the host reported the gang empty, refused or unknown          (its keeper has seen every process gone)
//   the host came back with another boot id                       (no process outlives its kernel)
//   its fence hook said: off
//   it is lost and silent for longer than F × 1.1 + 0.5 s         (its keeper has killed the gang, see below)
//   an operator's `--confirm-dead`                                 (a HostReleased fact of its own)
//
// Why silence suffices: a keeper kills its gang F after the *send* time of the newest acknowledged beat, by its own
// CLOCK_BOOTTIME, unless its agent reaches more than half of the members. The launcher counts from the *receipt* of the newest
// beat, which is not earlier, waits 10 % longer (clock rates of sane hosts differ by less than 0.1 %), and adds 0.5 s for the
// kill itself. A host that reaches more than half of the members shares at least one with the launcher's own more than half,
// and the launcher asked everybody before it concluded "lost" (health/core/detector.h): it would have heard of the host.
#pragma once

#include <optional>
#include <string>

#include "launcher/core/world.h"

namespace everstep {

// F × 1.1 + 0.5 s.
Duration FenceTime(Duration fence_after);

// Why this gang has no effect any more, or nullopt. `status`: what the host says about it, if it says anything.
std::optional<std::string> ExcludedBecause(const World& world, Time now, const JobState& job, const LiveGang& gang);

// When ExcludedBecause may change by time alone; nullopt: only by news.
std::optional<Time> ExclusionDue(const World& world, const LiveGang& gang);

}  // namespace everstep
