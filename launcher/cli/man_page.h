// Manual pages in roff, from the same tables as --help.
#pragma once

#include <string>

#include "launcher/cli/surface.h"

namespace everstep {

// everstep(1), and one page a verb: everstep-run(1). `version`: "0.1.0".
std::string MainPage(const Surface& surface, const std::string& version);
std::string VerbPage(const Surface& surface, const VerbWords& verb, const std::string& version);

}  // namespace everstep
