// Compiled, never called: where CUDA's header cuda.h is, our declarations of the driver must say the same.
#include "health/probe/cuda_driver.h"

#if __has_include(<cuda.h>)
#include <cuda.h>

#include <type_traits>

namespace everstep::health::cuda {
namespace {

template <class Ours, class Theirs>
struct Alike : std::false_type {};
template <class R, class S, class... A, class... B>
requires(sizeof...(A) == sizeof...(B)) struct Alike<R(A...), S(B...)>
    : std::bool_constant<sizeof(R) == sizeof(S) && ((sizeof(A) == sizeof(B)) && ...) &&
                         ((std::is_pointer_v<A> == std::is_pointer_v<B>)&&...)> {
};

static_assert(kSuccess == CUDA_SUCCESS && kWaitsAsleep == CU_EVENT_BLOCKING_SYNC);
#define ALIKE(ours, theirs) static_assert(Alike<std::remove_pointer_t<decltype(Driver::ours)>, decltype(theirs)>::value)
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
