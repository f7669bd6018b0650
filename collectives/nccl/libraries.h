// NCCL and the CUDA runtime of this host, found when they are asked for: by dlopen, where the dynamic linker finds libraries.
// Once loaded they stay.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "collectives/nccl/declarations.h"

namespace everstep {

struct NcclLibraries {
  struct {
    nccl::GetVersion GetVersion = nullptr;
    nccl::GetUniqueId GetUniqueId = nullptr;
    nccl::InitRank InitRank = nullptr;
    nccl::GetAsyncError GetAsyncError = nullptr;
    nccl::OfCommunicator Abort = nullptr;
    nccl::OfCommunicator Destroy = nullptr;
    nccl::GetErrorString GetErrorString = nullptr;
    nccl::Group GroupStart = nullptr;
    nccl::Group GroupEnd = nullptr;
    nccl::AllReduce AllReduce = nullptr;
    nccl::AllReduce ReduceScatter = nullptr;
    nccl::AllGather AllGather = nullptr;
    nccl::Send Send = nullptr;
    nccl::Receive Receive = nullptr;
  } nccl{};
  struct {
    cuda::GetVersion GetVersion = nullptr;
    cuda::GetDeviceCount GetDeviceCount = nullptr;
    cuda::SetDevice SetDevice = nullptr;
    cuda::GetPciBusId GetPciBusId = nullptr;
    cuda::Allocate Allocate = nullptr;
    cuda::Free Free = nullptr;
    cuda::CopyAsync CopyAsync = nullptr;
    cuda::CreateStream CreateStream = nullptr;
    cuda::CreateEvent CreateEvent = nullptr;
    cuda::RecordEvent RecordEvent = nullptr;
    cuda::QueryEvent QueryEvent = nullptr;
    cuda::ElapsedTime ElapsedTime = nullptr;
    cuda::GetErrorString GetErrorString = nullptr;
  } cuda{};

  // "NCCL 2.28.9, CUDA runtime 13.0"
  std::string Versions() const;
};

struct NcclNames {
  std::vector<std::string> nccl{"libnccl.so.2"};
  std::vector<std::string> cuda{"libcudart.so", "libcudart.so.13", "libcudart.so.12", "libcudart.so.11.0"};
};

// kNotFound: "libnccl.so.2 not found on host n1". `host` is for errors; of several names the first that is there is taken.
Result<NcclLibraries> LoadNccl(const std::string& host, const NcclNames& names = {});

}  // namespace everstep
