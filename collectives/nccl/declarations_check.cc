// Compiled, never called: where NCCL's and CUDA's headers are, our declarations of them must say the same. Pointers to their
// own structs and their enumerations differ by name only, so the numbers, sizes, offsets and counts of arguments are compared.
#include "collectives/nccl/declarations.h"

#if __has_include(<cuda_runtime_api.h>)
#include <cuda_runtime_api.h>

#include <type_traits>

namespace everstep::cuda {
namespace {

// Of two functions: as many arguments, each as large as the other's and a pointer where it is one, and the same for what is
// returned.
template <class Ours, class Theirs>
struct Alike : std::false_type {};
template <class R, class S, class... A, class... B>
requires(sizeof...(A) == sizeof...(B)) struct Alike<R (*)(A...), S (*)(B...)>
    : std::bool_constant<sizeof(R) == sizeof(S) && ((sizeof(A) == sizeof(B)) && ...) &&
                         ((std::is_pointer_v<A> == std::is_pointer_v<B>)&&...)> {
};

static_assert(static_cast<int>(Answer::success) == cudaSuccess && static_cast<int>(Answer::not_ready) == cudaErrorNotReady);
static_assert(static_cast<int>(Copy::to_device) == cudaMemcpyHostToDevice &&
              static_cast<int>(Copy::to_host) == cudaMemcpyDeviceToHost);
static_assert(Alike<GetVersion, decltype(&cudaRuntimeGetVersion)>::value);
static_assert(Alike<GetDeviceCount, decltype(&cudaGetDeviceCount)>::value);
static_assert(Alike<SetDevice, decltype(&cudaSetDevice)>::value);
static_assert(Alike<GetPciBusId, decltype(&cudaDeviceGetPCIBusId)>::value);
static_assert(Alike<Allocate, cudaError_t (*)(void**, std::size_t)>::value);  // overloaded in C++
static_assert(Alike<Free, decltype(&cudaFree)>::value);
static_assert(Alike<CopyAsync, cudaError_t (*)(void*, const void*, std::size_t, cudaMemcpyKind, cudaStream_t)>::value);
static_assert(Alike<CreateStream, decltype(&cudaStreamCreate)>::value);
static_assert(Alike<RecordEvent, cudaError_t (*)(cudaEvent_t, cudaStream_t)>::value);
static_assert(Alike<QueryEvent, decltype(&cudaEventQuery)>::value);
static_assert(Alike<ElapsedTime, cudaError_t (*)(float*, cudaEvent_t, cudaEvent_t)>::value);
static_assert(Alike<GetErrorString, decltype(&cudaGetErrorString)>::value);

}  // namespace
}  // namespace everstep::cuda

#if __has_include(<nccl.h>)
#include <nccl.h>

namespace everstep::nccl {
namespace {

template <class Ours, class Theirs>
constexpr bool kAlike = cuda::Alike<Ours, Theirs>::value;

static_assert(static_cast<int>(Answer::success) == ncclSuccess && static_cast<int>(Answer::in_progress) == ncclInProgress);
static_assert(static_cast<int>(Type::i32) == ncclInt32 && static_cast<int>(Type::i64) == ncclInt64 &&
              static_cast<int>(Type::f16) == ncclFloat16 && static_cast<int>(Type::f32) == ncclFloat32 &&
              static_cast<int>(Type::f64) == ncclFloat64 && static_cast<int>(Type::bf16) == ncclBfloat16);
static_assert(static_cast<int>(Operation::sum) == ncclSum);
static_assert(sizeof(UniqueId) == sizeof(ncclUniqueId));
static_assert(offsetof(Config, size) == offsetof(ncclConfig_t, size) &&
              offsetof(Config, magic) == offsetof(ncclConfig_t, magic) &&
              offsetof(Config, version) == offsetof(ncclConfig_t, version) &&
              offsetof(Config, blocking) == offsetof(ncclConfig_t, blocking) && sizeof(Config) <= sizeof(ncclConfig_t));
static_assert(kAlike<GetVersion, decltype(&ncclGetVersion)> && kAlike<GetUniqueId, decltype(&ncclGetUniqueId)>);
static_assert(kAlike<InitRank, decltype(&ncclCommInitRankConfig)> && kAlike<GetAsyncError, decltype(&ncclCommGetAsyncError)>);
static_assert(kAlike<OfCommunicator, decltype(&ncclCommAbort)> && kAlike<OfCommunicator, decltype(&ncclCommDestroy)>);
static_assert(kAlike<GetErrorString, decltype(&ncclGetErrorString)>);
static_assert(kAlike<Group, decltype(&ncclGroupStart)> && kAlike<Group, decltype(&ncclGroupEnd)>);
static_assert(kAlike<AllReduce, decltype(&ncclAllReduce)> && kAlike<AllReduce, decltype(&ncclReduceScatter)>);
static_assert(kAlike<AllGather, decltype(&ncclAllGather)>);
static_assert(kAlike<Send, decltype(&ncclSend)> && kAlike<Receive, decltype(&ncclRecv)>);

}  // namespace
}  // namespace everstep::nccl
#endif
#endif
