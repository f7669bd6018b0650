// The life of a job as decisions. Level-triggered: AdvanceJob looks at what is decided and what is reported, and returns the
// next facts; the caller applies them and asks again until nothing is left to do.
//
//   queued → preparing → running → done
//                 ↑          ↓ broken
//                 └── recovering → failed            any → stopping → cancelled
//
// The caller asks for all jobs before it asks for the queue (queue.h): who lost a host is served before who waits for one.
#pragma once

#include "launcher/core/world.h"

namespace everstep {

// The next facts for this job; empty: nothing to do until something changes. REQUIRES: not queued, not ended.
Facts AdvanceJob(const World& world, Now now, const JobState& job);

// When its time_limit is over; nullopt: it has none, has not started, or has ended.
std::optional<Time> TimeLimitAt(const JobState& job);

// When AdvanceJob has something to say by time alone: at that time it does, so that waiting for it never spins.
std::optional<Time> JobDeadline(const World& world, const JobState& job);

}  // namespace everstep
