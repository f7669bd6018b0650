// Compiled, never called: where CUDA's header cuda.h is, our declarations of the driver must say the same.
#include "base/declared_alike.h"
#include "health/probe/cuda_driver.h"

#if __has_include(<cuda.h>)
#include <cuda.h>

namespace everstep::health::cuda {
namespace {

static_assert(kSuccess == CUDA_SUCCESS && kWaitsAsleep == CU_EVENT_BLOCKING_SYNC);
#define ALIKE(ours, theirs) static_assert(kDeclaredAlike<decltype(Driver::ours), decltype(theirs)>)
ALIKE(init, cuInit);
ALIKE(error_string, cuGetErrorString);
ALIKE(count, cuDeviceGetCount);
ALIKE(device, cuDeviceGet);
ALIKE(name, cuDeviceGetName);
ALIKE(bus_id, cuDeviceGetPCIBusId);
ALIKE(retain, cuDevicePrimaryCtxRetain);
ALIKE(use, cuCtxSetCurrent);
ALIKE(load, cuModuleLoadData);
ALIKE(function, cuModuleGetFunction);
ALIKE(memory, cuMemGetInfo);
ALIKE(allocate, cuMemAlloc);
ALIKE(release, cuMemFree);
ALIKE(pinned, cuMemAllocHost);
ALIKE(to_device, cuMemcpyHtoDAsync);
ALIKE(to_host, cuMemcpyDtoHAsync);
ALIKE(copy, cuMemcpyDtoDAsync);
ALIKE(clear, cuMemsetD8Async);
ALIKE(stream, cuStreamCreate);
ALIKE(event, cuEventCreate);
ALIKE(record, cuEventRecord);
ALIKE(wait, cuEventSynchronize);
ALIKE(elapsed, cuEventElapsedTime);
ALIKE(launch, cuLaunchKernel);
#undef ALIKE

}  // namespace
}  // namespace everstep::health::cuda
#endif
