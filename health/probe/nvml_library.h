// libnvidia-ml.so.1, loaded. Functions that a release lacks stay null: what they tell is then moot.
#pragma once

#include <string>

#include "base/result.h"
#include "health/probe/nvml_declarations.h"

namespace everstep::health::nvml {

struct Library {
  Answer (*init)() = nullptr;
  Answer (*shutdown)() = nullptr;
  const char* (*error_string)(Answer) = nullptr;
  Answer (*count)(unsigned*) = nullptr;
  Answer (*handle)(unsigned, Device*) = nullptr;
  Answer (*pci)(Device, PciInfo*) = nullptr;
  Answer (*name)(Device, char*, unsigned) = nullptr;
  Answer (*uuid)(Device, char*, unsigned) = nullptr;
  Answer (*vbios)(Device, char*, unsigned) = nullptr;
  Answer (*ecc_mode)(Device, int*, int*) = nullptr;
  Answer (*ecc_errors)(Device, int, int, unsigned long long*) = nullptr;
  Answer (*remapped)(Device, unsigned*, unsigned*, unsigned*, unsigned*) = nullptr;
  Answer (*retired_pending)(Device, int*) = nullptr;
  Answer (*throttle)(Device, unsigned long long*) = nullptr;
  Answer (*temperature)(Device, int, unsigned*) = nullptr;
  Answer (*generation)(Device, unsigned*) = nullptr;
  Answer (*generation_max)(Device, unsigned*) = nullptr;
  Answer (*utilization)(Device, Utilization*) = nullptr;
  Answer (*replays)(Device, unsigned*) = nullptr;
  Answer (*link_state)(Device, unsigned, int*) = nullptr;
  Answer (*link_errors)(Device, unsigned, int, unsigned long long*) = nullptr;
  Answer (*fabric)(Device, FabricInfo*) = nullptr;
  Answer (*persistence)(Device, int*) = nullptr;
  Answer (*processes)(Device, unsigned*, ProcessInfo*) = nullptr;
  Answer (*fields)(Device, int, FieldValue*) = nullptr;
};

// `path`: empty as the loader finds it. kNotFound: there is none; never unloaded.
Result<Library> Load(const std::string& path);

}  // namespace everstep::health::nvml
