// The back ends that this program was built with.
#pragma once

#include "collectives/probe/group.h"

namespace everstep {

// One that is not in this program fails when it is opened, and says what to do.
BackendMaker MakerOf(ProbeBackend backend);

// Of nccl_here.cc, or nccl_absent.cc where collectives/nccl was left out.
BackendMaker NcclMaker();

}  // namespace everstep
