// Compiled, never called: where NCCL's and CUDA's headers are, our declarations of them must say the same. Pointers to their
// own structs and their enumerations differ by name only, so the numbers, sizes, offsets and counts of arguments are compared.
#include "base/declared_alike.h"
#include "collectives/nccl/declarations.h"

#if __has_include(<cuda_runtime_api.h>)
#include <cuda_runtime_api.h>

namespace everstep::cuda {
namespace {

static_assert(static_cast<int>(Answer::success) == cudaSuccess && static_cast<int>(Answer::not_ready) == cudaErrorNotReady);
static_assert(static_cast<int>(Copy::to_device) == cudaMemcpyHostToDevice &&
              static_cast<int>(Copy::to_host) == cudaMemcpyDeviceToHost);
static_assert(kDeclaredAlike<GetVersion, decltype(&cudaRuntimeGetVersion)>);
static_assert(kDeclaredAlike<GetDeviceCount, decltype(&cudaGetDeviceCount)>);
static_assert(kDeclaredAlike<SetDevice, decltype(&cudaSetDevice)>);
static_assert(kDeclaredAlike<GetPciBusId, decltype(&cudaDeviceGetPCIBusId)>);
static_assert(kDeclaredAlike<Allocate, cudaError_t (*)(void**, std::size_t)>);  // overloaded in C++
static_assert(kDeclaredAlike<Free, decltype(&cudaFree)>);
static_assert(kDeclaredAlike<CopyAsync, cudaError_t (*)(void*, const void*, std::size_t, cudaMemcpyKind, cudaStream_t)>);
static_assert(kDeclaredAlike<CreateStream, decltype(&cudaStreamCreate)>);
static_assert(kDeclaredAlike<RecordEvent, cudaError_t (*)(cudaEvent_t, cudaStream_t)>);
static_assert(kDeclaredAlike<QueryEvent, decltype(&cudaEventQuery)>);
static_assert(kDeclaredAlike<ElapsedTime, cudaError_t (*)(float*, cudaEvent_t, cudaEvent_t)>);
static_assert(kDeclaredAlike<GetErrorString, decltype(&cudaGetErrorString)>);

}  // namespace
}  // namespace everstep::cuda

#if __has_include(<nccl.h>)
#include <nccl.h>

namespace everstep::nccl {
namespace {

static_assert(static_cast<int>(Answer::success) == ncclSuccess && static_cast<int>(Answer::in_progress) == ncclInProgress);
static_assert(static_cast<int>(Type::i32) == ncclInt32 && static_cast<int>(Type::i64) == ncclInt64 &&
              static_cast<int>(Type::f16) == ncclFloat16 && static_cast<int>(Type::f32) == ncclFloat32 &&
              static_cast<int>(Type::f64) == ncclFloat64 && static_cast<int>(Type::bf16) == ncclBfloat16 &&
              static_cast<int>(Type::i8) == ncclInt8 && static_cast<int>(Type::u8) == ncclUint8 &&
              static_cast<int>(Type::u32) == ncclUint32 && static_cast<int>(Type::u64) == ncclUint64);
static_assert(static_cast<int>(Operation::sum) == ncclSum && static_cast<int>(Operation::prod) == ncclProd &&
              static_cast<int>(Operation::max) == ncclMax && static_cast<int>(Operation::min) == ncclMin &&
              static_cast<int>(Operation::avg) == ncclAvg);
static_assert(sizeof(UniqueId) == sizeof(ncclUniqueId));
static_assert(offsetof(Config, size) == offsetof(ncclConfig_t, size) &&
              offsetof(Config, magic) == offsetof(ncclConfig_t, magic) &&
              offsetof(Config, version) == offsetof(ncclConfig_t, version) &&
              offsetof(Config, blocking) == offsetof(ncclConfig_t, blocking) && sizeof(Config) <= sizeof(ncclConfig_t));
static_assert(kDeclaredAlike<GetVersion, decltype(&ncclGetVersion)> && kDeclaredAlike<GetUniqueId, decltype(&ncclGetUniqueId)>);
static_assert(kDeclaredAlike<InitRank, decltype(&ncclCommInitRankConfig)> &&
              kDeclaredAlike<GetAsyncError, decltype(&ncclCommGetAsyncError)>);
static_assert(kDeclaredAlike<OfCommunicator, decltype(&ncclCommAbort)> &&
              kDeclaredAlike<OfCommunicator, decltype(&ncclCommDestroy)>);
static_assert(kDeclaredAlike<GetErrorString, decltype(&ncclGetErrorString)>);
static_assert(kDeclaredAlike<Group, decltype(&ncclGroupStart)> && kDeclaredAlike<Group, decltype(&ncclGroupEnd)>);
static_assert(kDeclaredAlike<AllReduce, decltype(&ncclAllReduce)> && kDeclaredAlike<AllReduce, decltype(&ncclReduceScatter)>);
static_assert(kDeclaredAlike<AllGather, decltype(&ncclAllGather)>);
static_assert(kDeclaredAlike<Send, decltype(&ncclSend)> && kDeclaredAlike<Receive, decltype(&ncclRecv)>);

}  // namespace
}  // namespace everstep::nccl
#endif
#endif
