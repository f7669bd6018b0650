// Whether a NIC has a link, as its own kernel says: an interface, that it is up and runs; an RDMA device, the state of its
// ports. EFA's driver says that it has one always, so "yes" proves nothing, and "no" does.
#pragma once

#include <string>

namespace everstep {

// `nic`: an interface, "eth0", or an RDMA device, "mlx5_0". Below `root` is sysfs. What is not known here has a link.
bool HasLink(const std::string& root, const std::string& nic);

}  // namespace everstep
