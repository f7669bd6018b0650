// The counters of RDMA devices, as the kernel shows them below a root directory (usually /): class/infiniband of sysfs. EFA
// counts bytes, InfiniBand and RoCE words of four bytes.
#pragma once

#include <string>
#include <vector>

#include "collectives/core/proof.h"

namespace everstep {

// Of all ports of a device together, sorted by name; a file that cannot be read is no reason to leave out the others.
std::vector<DeviceBytes> ReadDeviceBytes(const std::string& root);

}  // namespace everstep
