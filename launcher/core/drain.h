// Taking a host out of work, and giving it back. A drained host is healthy as far as anybody knows: what it has goes on to its
// end, it gets nothing new, and a generation that starts anew starts without it. Only an operator undoes it: it outlives
// restarts, losses and reboots of the host. Pure; facts out.
#pragma once

#include "base/result.h"
#include "launcher/core/world.h"

namespace everstep {

// Errors: kNotFound. Empty: it is drained just so already. Spares are given back at once.
Result<Facts> DrainBy(const World& world, const DrainNode& request);
// Errors: kNotFound. Empty: it is not drained.
Result<Facts> UndrainBy(const World& world, const UndrainNode& request);

// What happens next, for who asked. REQUIRES: the facts are applied.
std::string DrainedReply(const State& state, const NodeId& node);

// A running or preparing job whose host is drained with `now`, or is in quarantine and must be left: its generation is broken,
// at no cost. Empty: none is.
Facts MoveAway(const World& world, Now now, const JobState& job);

// "drained by ann@host: ecc"; with `at` also for how long: "drained by ann@host: ecc (2 h)". REQUIRES: it is drained.
std::string DrainText(const NodeState& node, std::optional<Time> at = {});

// kNotFound, naming the hosts with names like this one.
Error UnknownHost(const State& state, const NodeId& node);

}  // namespace everstep
