// Who is next: places the jobs that wait, strictly in the queue's order (placement.h), and fills the spares that running jobs
// lack when nobody waits.
#pragma once

#include "launcher/core/world.h"

namespace everstep {

// Places the next queued job that can be placed, or says why the next one waits. REQUIRES: AdvanceJob has nothing to say.
Facts AdvanceQueue(const World& world, Now now);

}  // namespace everstep
