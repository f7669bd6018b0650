// What GPUs are given to compute: PTX, see gpu_work.ptx.
#pragma once

namespace everstep::health {

// Ends with a 0.
const char* GpuWork();

}  // namespace everstep::health
