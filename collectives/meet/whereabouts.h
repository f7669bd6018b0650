// Where a process can be reached by others that it can tell something before, but who know nothing of it: the name of its host,
// which they may not be able to look up, and its addresses.
#pragma once

#include <string>
#include <vector>

namespace everstep {

// This host's: "10.0.0.7/24", of interfaces that are up; none of loopback or of one link alone.
std::vector<std::string> OwnAddresses();

// `theirs`: the name of a host, then its addresses. The first of these that is in a network of this host, too, `own` being this
// host's; 127.0.0.1 where it can only be this host; else the name. An address that both have is no way from one to the other:
// bridges of containers have the same everywhere. Pure. REQUIRES: theirs is not empty.
std::string WayTo(const std::vector<std::string>& theirs, const std::vector<std::string>& own);

}  // namespace everstep
