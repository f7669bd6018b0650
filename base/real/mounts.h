// A mount namespace of one's own, in which a directory is seen in place of another one: nobody else sees a difference, and it
// ends with the last process in it. Mounts that the host makes later are seen in it too. This keeps apart who does not try to
// get out: a process that may mount can also leave.
//
// Needs CAP_SYS_ADMIN.
#pragma once

#include <string>

#include "base/result.h"
#include "base/seam/processes.h"

namespace everstep {

// What EnterMounts needs, made before fork.
struct MountPlan {
  explicit MountPlan(const RankMounts& mounts);
  std::string own, over, shown;
  std::string place;  // of `shown`, in `own`: seen from outside; a directory there
};

// Which call failed; errno says why.
enum class MountStage : int { good, unshare, keep_private, show, protect, cover };

// Async-signal-safe: between fork and exec of a rank. Of this thread alone; there is no way back.
MountStage EnterMounts(const MountPlan& plan);

// "cannot give ranks a mount namespace of their own: Operation not permitted: this needs CAP_SYS_ADMIN, …"
Error MountError(const MountPlan& plan, MountStage stage, int error);

// Does all of it in a thread that ends with it: what works here will work for a rank.
Status TryMounts(const MountPlan& plan);

}  // namespace everstep
