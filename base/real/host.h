// Facts about this host that a program asks once at start.
#pragma once

#include <string>

#include "base/ids.h"
#include "base/result.h"

namespace everstep {

// Of the running kernel: changes with every boot.
Result<BootId> KernelBootId();

// The network interface that has this numeric address; empty: none has.
std::string InterfaceOf(const std::string& address);

// The user that this process runs as; empty where the user database does not say.
struct UserFacts {
  std::string name{};
  std::string home{};
  std::string shell{};
};
UserFacts CurrentUser();

}  // namespace everstep
