// Compiled, never called: where the driver's header nvml.h is, our declarations of NVML must say the same.
#include "base/declared_alike.h"
#include "health/probe/nvml_declarations.h"

#if __has_include(<nvml.h>)
#include <nvml.h>

#include <cstddef>

#include "health/probe/nvml_library.h"

namespace everstep::health::nvml {
namespace {

static_assert(kSuccess == NVML_SUCCESS && kNotSupported == NVML_ERROR_NOT_SUPPORTED &&
              kNoPermission == NVML_ERROR_NO_PERMISSION && kInsufficientSize == NVML_ERROR_INSUFFICIENT_SIZE &&
              kDriverNotLoaded == NVML_ERROR_DRIVER_NOT_LOADED && kFunctionNotFound == NVML_ERROR_FUNCTION_NOT_FOUND &&
              kGpuIsLost == NVML_ERROR_GPU_IS_LOST && kResetRequired == NVML_ERROR_RESET_REQUIRED &&
              kVersionMismatch == NVML_ERROR_LIB_RM_VERSION_MISMATCH);
static_assert(sizeof(PciInfo) == sizeof(nvmlPciInfo_t) && offsetof(PciInfo, bus_id) == offsetof(nvmlPciInfo_t, busId));
static_assert(sizeof(Utilization) == sizeof(nvmlUtilization_t) &&
              offsetof(Utilization, gpu) == offsetof(nvmlUtilization_t, gpu));
static_assert(sizeof(ProcessInfo) == sizeof(nvmlProcessInfo_t) &&
              offsetof(ProcessInfo, pid) == offsetof(nvmlProcessInfo_t, pid));
#ifdef NVML_GPU_FABRIC_STATE_COMPLETED  // of driver 525 and newer
static_assert(sizeof(FabricInfo) == sizeof(nvmlGpuFabricInfo_t) &&
              offsetof(FabricInfo, status) == offsetof(nvmlGpuFabricInfo_t, status) &&
              offsetof(FabricInfo, state) == offsetof(nvmlGpuFabricInfo_t, state));
#endif
static_assert(sizeof(FieldValue) == sizeof(nvmlFieldValue_t) &&
              offsetof(FieldValue, answer) == offsetof(nvmlFieldValue_t, nvmlReturn) &&
              offsetof(FieldValue, value) == offsetof(nvmlFieldValue_t, value));
#ifdef NVML_FI_DEV_GET_GPU_RECOVERY_ACTION  // of driver 565 and newer
static_assert(kRecoveryAction == NVML_FI_DEV_GET_GPU_RECOVERY_ACTION);
#endif
static_assert(kCorrected == NVML_MEMORY_ERROR_TYPE_CORRECTED && kUncorrected == NVML_MEMORY_ERROR_TYPE_UNCORRECTED &&
              kVolatile == NVML_VOLATILE_ECC && kGpuSensor == NVML_TEMPERATURE_GPU);
static_assert(kHwSlowdown == nvmlClocksThrottleReasonHwSlowdown && kSwThermal == nvmlClocksThrottleReasonSwThermalSlowdown &&
              kHwThermal == nvmlClocksThrottleReasonHwThermalSlowdown &&
              kPowerBrake == nvmlClocksThrottleReasonHwPowerBrakeSlowdown);

#define ALIKE(ours, theirs) static_assert(kDeclaredAlike<decltype(Library::ours), decltype(theirs)>)
ALIKE(init, nvmlInit_v2);
ALIKE(shutdown, nvmlShutdown);
ALIKE(error_string, nvmlErrorString);
ALIKE(count, nvmlDeviceGetCount_v2);
ALIKE(handle, nvmlDeviceGetHandleByIndex_v2);
ALIKE(pci, nvmlDeviceGetPciInfo_v3);
ALIKE(name, nvmlDeviceGetName);
ALIKE(uuid, nvmlDeviceGetUUID);
ALIKE(vbios, nvmlDeviceGetVbiosVersion);
ALIKE(ecc_mode, nvmlDeviceGetEccMode);
ALIKE(ecc_errors, nvmlDeviceGetTotalEccErrors);
ALIKE(remapped, nvmlDeviceGetRemappedRows);
ALIKE(retired_pending, nvmlDeviceGetRetiredPagesPendingStatus);
ALIKE(throttle, nvmlDeviceGetCurrentClocksThrottleReasons);
ALIKE(temperature, nvmlDeviceGetTemperature);
ALIKE(generation, nvmlDeviceGetCurrPcieLinkGeneration);
ALIKE(generation_max, nvmlDeviceGetMaxPcieLinkGeneration);
ALIKE(utilization, nvmlDeviceGetUtilizationRates);
ALIKE(replays, nvmlDeviceGetPcieReplayCounter);
ALIKE(link_state, nvmlDeviceGetNvLinkState);
ALIKE(link_errors, nvmlDeviceGetNvLinkErrorCounter);
#ifdef NVML_GPU_FABRIC_STATE_COMPLETED
ALIKE(fabric, nvmlDeviceGetGpuFabricInfo);
#endif
ALIKE(persistence, nvmlDeviceGetPersistenceMode);
ALIKE(processes, nvmlDeviceGetComputeRunningProcesses_v3);
ALIKE(fields, nvmlDeviceGetFieldValues);
#undef ALIKE

}  // namespace
}  // namespace everstep::health::nvml
#endif
