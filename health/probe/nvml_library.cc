#include "health/probe/nvml_library.h"

#include <dlfcn.h>

#include "base/text.h"

namespace everstep::health::nvml {

namespace {

template <class F>
void Bind(void* library, F*& function, const char* name) {
  function = reinterpret_cast<F*>(::dlsym(library, name));
}

}  // namespace

Result<Library> Load(const std::string& path) {
  const std::string file = path.empty() ? "libnvidia-ml.so.1" : path;
  void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char* why = ::dlerror();
    return Fail(ErrorCode::kNotFound, Cat("cannot load ", file, ": ", why ? why : "no reason is given"));
  }
  Library bound;
  Bind(library, bound.init, "nvmlInit_v2");
  Bind(library, bound.shutdown, "nvmlShutdown");
  Bind(library, bound.error_string, "nvmlErrorString");
  Bind(library, bound.count, "nvmlDeviceGetCount_v2");
  Bind(library, bound.handle, "nvmlDeviceGetHandleByIndex_v2");
  Bind(library, bound.pci, "nvmlDeviceGetPciInfo_v3");
  Bind(library, bound.name, "nvmlDeviceGetName");
  Bind(library, bound.uuid, "nvmlDeviceGetUUID");
  Bind(library, bound.vbios, "nvmlDeviceGetVbiosVersion");
  Bind(library, bound.ecc_mode, "nvmlDeviceGetEccMode");
  Bind(library, bound.ecc_errors, "nvmlDeviceGetTotalEccErrors");
  Bind(library, bound.remapped, "nvmlDeviceGetRemappedRows");
  Bind(library, bound.retired_pending, "nvmlDeviceGetRetiredPagesPendingStatus");
  Bind(library, bound.throttle, "nvmlDeviceGetCurrentClocksThrottleReasons");
  Bind(library, bound.temperature, "nvmlDeviceGetTemperature");
  Bind(library, bound.generation, "nvmlDeviceGetCurrPcieLinkGeneration");
  Bind(library, bound.generation_max, "nvmlDeviceGetMaxPcieLinkGeneration");
  Bind(library, bound.utilization, "nvmlDeviceGetUtilizationRates");
  Bind(library, bound.replays, "nvmlDeviceGetPcieReplayCounter");
  Bind(library, bound.link_state, "nvmlDeviceGetNvLinkState");
  Bind(library, bound.link_errors, "nvmlDeviceGetNvLinkErrorCounter");
  Bind(library, bound.fabric, "nvmlDeviceGetGpuFabricInfo");
  Bind(library, bound.persistence, "nvmlDeviceGetPersistenceMode");
  Bind(library, bound.processes, "nvmlDeviceGetComputeRunningProcesses_v3");
  Bind(library, bound.fields, "nvmlDeviceGetFieldValues");
  if (!bound.init || !bound.count || !bound.handle)
    return Fail(ErrorCode::kInvalid, Cat(file, " is no NVML of release 4 or newer: it lacks nvmlInit_v2"));
  return bound;
}

}  // namespace everstep::health::nvml
