// Facts about this host that a program asks once at start.
#pragma once

#include <cstdint>
#include <string>

#include "base/ids.h"
#include "base/result.h"

namespace everstep {

// Of the running kernel: changes with every boot.
Result<BootId> KernelBootId();

// The network interface that has this numeric address; empty: none has.
std::string InterfaceOf(const std::string& address);

// GPUs that the kernel's NVIDIA driver shows as device files: `dev`/nvidia0, nvidia1, …
std::uint32_t CountAccelerators(const std::string& dev = "/dev");

// The user that this process runs as; empty where the user database does not say.
struct UserFacts {
  std::string name{};
  std::string home{};
  std::string shell{};
};
UserFacts CurrentUser();

}  // namespace everstep
