// Who belongs to the cluster: joining, being evicted, and the half rule. Pure; facts out.
#pragma once

#include "launcher/core/world.h"

namespace everstep {

// What to record when an agent of this host opens a session. Empty: nothing about it is new.
Facts Join(const World& world, const Hello& hello);

// The detector has found `node` lost (`evidence` is its sentence). Evicts it only while all silent hosts together are less than
// half of the members; otherwise says that it holds back, and how to go on.
Facts Evict(const World& world, const NodeId& node, const std::string& evidence);

// An operator vouches that the host is off or empty: it is evicted if need be, and its gangs count as released.
// Errors: kNotFound; kConflict (it beats: whoever says that it is dead means another one).
Result<Facts> ConfirmDeadBy(const World& world, const NodeId& node, const std::string& by);

// Members that are silent now (suspect or found lost), in order.
std::vector<NodeId> SilentMembers(const World& world);
std::size_t MemberCount(const State& state);

}  // namespace everstep
