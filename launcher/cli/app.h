// The command line of `everstep`: which verb, with which flags. Every mistake in it is exit code 2, with the way out.
#pragma once

#include <string>
#include <vector>

#include "launcher/cli/cli.h"

namespace everstep {

// `arguments` without the program's own name. Returns the exit code.
int RunEverstep(const std::vector<std::string>& arguments, Cli& cli);

}  // namespace everstep
