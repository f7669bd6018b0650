// Completion scripts for shells. Verbs, flags and fixed words stand in the script; names of hosts and jobs are asked of the
// launcher when Tab is pressed, through the hidden verb `names`, which waits a second at most and says nothing when it fails.
#pragma once

#include <string>

#include "launcher/cli/surface.h"

namespace everstep {

std::string BashCompletion(const Surface& surface);
std::string ZshCompletion(const Surface& surface);
std::string FishCompletion(const Surface& surface);

}  // namespace everstep
