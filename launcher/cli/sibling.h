// The programs that stand beside this one, for what only they know about themselves.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "launcher/cli/cli.h"

namespace everstep {

// This process becomes that program, with the same environment; returns only when it cannot. Called before any connection is
// made.
Result<int> BecomeSibling(const Cli& cli, const std::string& name, const std::vector<std::string>& arguments);

}  // namespace everstep
