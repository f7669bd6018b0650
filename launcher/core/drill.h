// Drills: faults that are brought about on purpose, as decisions. A drill costs a restart of the job's budget, as a failure
// would; it proves nothing against the code.
#pragma once

#include "base/result.h"
#include "launcher/core/world.h"

namespace everstep {

// Errors: kNotFound (no such job or rank); kConflict (it does not run, it is another generation by now, its host is not heard,
// a drill is under way, or no restart is left);
// kInvalid (how long it lasts; a torn checkpoint without a checkpoint directory).
Result<FaultInjected> InjectBy(const World& world, Now now, const InjectFault& request);

// What the agent of the host is told.
Inject OrderOf(const FaultInjected& fault);

}  // namespace everstep
