// The back end over NCCL: GPU memory, one GPU a rank, timed by events on the GPU. Of a host's ranks the first takes the first
// device.
//
// Nothing waits inside a library: the communicator does not block, its errors are asked for while its work goes on, and at the
// deadline it is aborted and all ranks agree on who was waited for.
#pragma once

#include <memory>

#include "base/seam/clock.h"
#include "collectives/backend/backend.h"

namespace everstep {

// kNotFound: "no CUDA device on host n1", "libnccl.so.2 not found on host n1".
Result<std::unique_ptr<Backend>> OpenNccl(const Company& company, Clock& clock);

}  // namespace everstep
