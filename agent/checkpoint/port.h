// Can rank 0 listen on a port here? Asked the way it will: bound with SO_REUSEADDR, so that connections of an earlier store
// that are still closing do not count, on all addresses of IPv4 and, where there is IPv6, of both.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace everstep {

// kConflict: "port 20001 is in use on this host".
Status PortIsFree(std::uint32_t port);

}  // namespace everstep
