#include "collectives/nccl/libraries.h"

#include <dlfcn.h>

#include "base/text.h"

namespace everstep {
namespace {

constexpr std::string_view kCudaHint =
    "install the CUDA runtime there, or name its folder in LD_LIBRARY_PATH; by --backend ofi neither is needed";
constexpr std::string_view kNcclHint =
    "install NCCL there, or name its folder in LD_LIBRARY_PATH; by --backend ofi neither is needed";

// The first of `names` that the dynamic linker finds.
Result<void*> Open(const std::vector<std::string>& names, const std::string& host, std::string_view hint) {
  std::string reason;
  for (const std::string& name : names) {
    if (void* library = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL); library != nullptr) return library;
    const char* said = ::dlerror();
    // Found but not fit to load says more than not found.
    const std::string why = said == nullptr ? "" : said;
    if (!why.empty() && why.find("No such file") == std::string::npos) reason = Cat(": ", why);
  }
  return Fail(ErrorCode::kNotFound,
              Cat(names[0], reason.empty() ? " not found on host " : " cannot be loaded on host ", host, reason),
              std::string(hint));
}

template <class Function>
Status Take(void* library, const char* name, const std::string& host, Function& into) {
  into = reinterpret_cast<Function>(::dlsym(library, name));
  if (into != nullptr) return {};
  return Fail(ErrorCode::kNotFound, Cat("the library on host ", host, " has no ", name),
              "NCCL 2.14 and CUDA 11 are the oldest that do");
}

Status TakeNccl(void* from, const std::string& host, NcclLibraries& all) {
  auto& nccl = all.nccl;
  EVERSTEP_TRY(Take(from, "ncclGetVersion", host, nccl.GetVersion));
  EVERSTEP_TRY(Take(from, "ncclGetUniqueId", host, nccl.GetUniqueId));
  EVERSTEP_TRY(Take(from, "ncclCommInitRankConfig", host, nccl.InitRank));
  EVERSTEP_TRY(Take(from, "ncclCommGetAsyncError", host, nccl.GetAsyncError));
  EVERSTEP_TRY(Take(from, "ncclCommAbort", host, nccl.Abort));
  EVERSTEP_TRY(Take(from, "ncclCommDestroy", host, nccl.Destroy));
  EVERSTEP_TRY(Take(from, "ncclGetErrorString", host, nccl.GetErrorString));
  EVERSTEP_TRY(Take(from, "ncclGroupStart", host, nccl.GroupStart));
  EVERSTEP_TRY(Take(from, "ncclGroupEnd", host, nccl.GroupEnd));
  EVERSTEP_TRY(Take(from, "ncclAllReduce", host, nccl.AllReduce));
  EVERSTEP_TRY(Take(from, "ncclReduceScatter", host, nccl.ReduceScatter));
  EVERSTEP_TRY(Take(from, "ncclAllGather", host, nccl.AllGather));
  EVERSTEP_TRY(Take(from, "ncclSend", host, nccl.Send));
  return Take(from, "ncclRecv", host, nccl.Receive);
}

Status TakeCuda(void* from, const std::string& host, NcclLibraries& all) {
  auto& cuda = all.cuda;
  EVERSTEP_TRY(Take(from, "cudaRuntimeGetVersion", host, cuda.GetVersion));
  EVERSTEP_TRY(Take(from, "cudaGetDeviceCount", host, cuda.GetDeviceCount));
  EVERSTEP_TRY(Take(from, "cudaSetDevice", host, cuda.SetDevice));
  EVERSTEP_TRY(Take(from, "cudaDeviceGetPCIBusId", host, cuda.GetPciBusId));
  EVERSTEP_TRY(Take(from, "cudaMalloc", host, cuda.Allocate));
  EVERSTEP_TRY(Take(from, "cudaFree", host, cuda.Free));
  EVERSTEP_TRY(Take(from, "cudaMemcpyAsync", host, cuda.CopyAsync));
  EVERSTEP_TRY(Take(from, "cudaStreamCreate", host, cuda.CreateStream));
  EVERSTEP_TRY(Take(from, "cudaEventCreate", host, cuda.CreateEvent));
  EVERSTEP_TRY(Take(from, "cudaEventRecord", host, cuda.RecordEvent));
  EVERSTEP_TRY(Take(from, "cudaEventQuery", host, cuda.QueryEvent));
  EVERSTEP_TRY(Take(from, "cudaEventElapsedTime", host, cuda.ElapsedTime));
  return Take(from, "cudaGetErrorString", host, cuda.GetErrorString);
}

}  // namespace

std::string NcclLibraries::Versions() const {
  int of_nccl = 0, of_cuda = 0;
  (void)nccl.GetVersion(&of_nccl);
  (void)cuda.GetVersion(&of_cuda);
  return Cat("NCCL ", of_nccl / 10'000, ".", of_nccl / 100 % 100, ".", of_nccl % 100, ", CUDA runtime ", of_cuda / 1000, ".",
             of_cuda / 10 % 100);
}

Result<NcclLibraries> LoadNccl(const std::string& host, const NcclNames& names) {
  NcclLibraries all;
  EVERSTEP_ASSIGN(void* nccl, Open(names.nccl, host, kNcclHint));
  EVERSTEP_TRY(TakeNccl(nccl, host, all));
  EVERSTEP_ASSIGN(void* cuda, Open(names.cuda, host, kCudaHint));
  EVERSTEP_TRY(TakeCuda(cuda, host, all));
  return all;
}

}  // namespace everstep
