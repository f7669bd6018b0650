// Hosts as they are named on the command line, found among those that the launcher knows.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "launcher/core/api.h"

namespace everstep {

// `lists` are names or host lists (host_list.h). kNotFound names the first that is none of the nodes, and the nearest one.
Result<std::vector<NodeView>> NodesNamed(const std::vector<NodeView>& nodes, const std::vector<std::string>& lists);

// A line for each node without what changes all the time: the age of its last beat.
std::string NodesIdentity(std::vector<NodeView> nodes);

}  // namespace everstep
