#include "health/probe/cuda_driver.h"

#include <dlfcn.h>

#include "base/text.h"

namespace everstep::health::cuda {

namespace {

class Binder {
 public:
  explicit Binder(void* library) : library_(library) {}
  template <class F>
  void Bind(F*& function, const char* name) {
    function = reinterpret_cast<F*>(::dlsym(library_, name));
    if (!function && missing_.empty()) missing_ = name;
  }
  const std::string& Missing() const { return missing_; }

 private:
  void* library_;
  std::string missing_{};
};

}  // namespace

Result<Driver> Load(const std::string& path) {
  const std::string file = path.empty() ? "libcuda.so.1" : path;
  void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char* why = ::dlerror();
    return Fail(ErrorCode::kNotFound, Cat("cannot load ", file, ": ", why ? why : "no reason is given"));
  }
  Driver driver;
  Binder from(library);
  from.Bind(driver.init, "cuInit");
  from.Bind(driver.error_string, "cuGetErrorString");
  from.Bind(driver.count, "cuDeviceGetCount");
  from.Bind(driver.device, "cuDeviceGet");
  from.Bind(driver.name, "cuDeviceGetName");
  from.Bind(driver.bus_id, "cuDeviceGetPCIBusId");
  from.Bind(driver.retain, "cuDevicePrimaryCtxRetain");
  from.Bind(driver.use, "cuCtxSetCurrent");
  from.Bind(driver.load, "cuModuleLoadData");
  from.Bind(driver.function, "cuModuleGetFunction");
  from.Bind(driver.memory, "cuMemGetInfo_v2");
  from.Bind(driver.allocate, "cuMemAlloc_v2");
  from.Bind(driver.release, "cuMemFree_v2");
  from.Bind(driver.pinned, "cuMemAllocHost_v2");
  from.Bind(driver.to_device, "cuMemcpyHtoDAsync_v2");
  from.Bind(driver.to_host, "cuMemcpyDtoHAsync_v2");
  from.Bind(driver.copy, "cuMemcpyDtoDAsync_v2");
  from.Bind(driver.clear, "cuMemsetD8Async");
  from.Bind(driver.stream, "cuStreamCreate");
  from.Bind(driver.event, "cuEventCreate");
  from.Bind(driver.record, "cuEventRecord");
  from.Bind(driver.wait, "cuEventSynchronize");
  from.Bind(driver.elapsed, "cuEventElapsedTime");
  from.Bind(driver.launch, "cuLaunchKernel");
  if (!from.Missing().empty()) return Fail(ErrorCode::kNotFound, Cat(file, " has no ", from.Missing()));
  return driver;
}

}  // namespace everstep::health::cuda
