// When is a gang of an older generation certainly without effect on a host, so that a newer one may start elsewhere? Promise 2
// of the product. The evidence is one of:
//
//   the host reported the gang empty, refused or unknown          (its keeper has seen every process gone)
//   the host came back with another boot id                       (no process outlives its kernel)
//     both from the agent that had the gang, by its state directory: another one that speaks in the host's name, or one whose
//     directory was wiped, knows nothing, and the old one counts as silent since it took over
//   its fence hook said: off
//   it is lost, and silence suffices                              (its keeper has killed the gang, see below)
//   an operator's `--confirm-dead`                                (a HostReleased fact of its own)
//
// Why silence can suffice: a keeper kills its gang F after the *send* time of the newest acknowledged beat, by its own
// CLOCK_BOOTTIME, unless its agent reaches more than half of the membership that it was last told, counting only hosts that
// hear no launcher either (agent/core/fence.h, where the proof stands). So silence suffices when for F × 1.1 + 0.5 s
//   L1  nothing was heard of the host, and
//   L2  at least half of the membership that it was last told were heard without a gap: it cannot have found more than half.
// The half rule alone (membership.h) does not give L2: hosts may be lost one after the other and still reach each other.
//
// Which membership the host was last told is known from below: a gang that was prepared has had the membership of the time when
// it was planned (LiveGang::membership), one that was heard since may have had a newer one (HostNow::told). Hosts that changed
// since count against us: who may be in that membership counts as a member for as long as it was not heard, and as none from
// then on. (A host that was evicted and came back may well be in it.)
#pragma once

#include <optional>
#include <string>

#include "launcher/core/world.h"

namespace everstep {

// F × 1.1 + 0.5 s.
Duration FenceTime(Duration fence_after);

// Why this gang has no effect any more, or nullopt.
std::optional<std::string> ExcludedBecause(const World& world, Time now, const JobState& job, const LiveGang& gang);

// When ExcludedBecause changes by time alone; nullopt: only by news, or it holds already.
std::optional<Time> ExclusionDue(const World& world, const LiveGang& gang);

// Why neither time nor a command of ours will do, and how to go on; nullopt: one of them may.
std::optional<std::string> StuckBecause(const World& world, const LiveGang& gang);

}  // namespace everstep
