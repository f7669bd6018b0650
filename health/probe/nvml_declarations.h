// What we use of NVML, the driver's library libnvidia-ml.so.1, declared by ourselves: it is loaded where it is, never linked.
// Names, numbers and layouts are the library's, stable since its release 12; older ones lack functions, which is no error.
#pragma once

#include <cstdint>

namespace everstep::health::nvml {

using Answer = int;
inline constexpr Answer kSuccess = 0, kNotSupported = 3, kNoPermission = 4, kInsufficientSize = 7, kDriverNotLoaded = 9,
                        kFunctionNotFound = 13, kGpuIsLost = 15, kResetRequired = 16, kVersionMismatch = 18;

using Device = struct DeviceTag*;

struct PciInfo {
  char bus_id_legacy[16];
  unsigned domain, bus, device, pci_device_id, pci_subsystem_id;
  char bus_id[32];
};
static_assert(sizeof(PciInfo) == 68);

struct Utilization {
  unsigned gpu, memory;
};

struct ProcessInfo {
  unsigned pid;
  unsigned long long memory;
  unsigned gpu_instance, compute_instance;
};
static_assert(sizeof(ProcessInfo) == 24);

struct FabricInfo {
  unsigned char cluster[16];
  Answer status;
  unsigned clique;
  unsigned char state;  // 0 not supported, 1 not started, 2 in progress, 3 completed
};
static_assert(sizeof(FabricInfo) == 28);

struct FieldValue {
  unsigned field, scope;
  long long stamp, latency;
  int type;  // 1: an unsigned int
  Answer answer;
  union {
    double real;
    unsigned number;
    unsigned long long wide;
  } value;
};
static_assert(sizeof(FieldValue) == 40);
inline constexpr unsigned kRecoveryAction = 230;

inline constexpr unsigned kLinksMax = 18;
inline constexpr int kCorrected = 0, kUncorrected = 1, kVolatile = 0, kGpuSensor = 0;
inline constexpr unsigned long long kHwSlowdown = 0x8, kSwThermal = 0x20, kHwThermal = 0x40, kPowerBrake = 0x80;

}  // namespace everstep::health::nvml
