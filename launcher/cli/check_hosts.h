// `everstep check HOST…`: what each host says of itself, what the network between them says, and who differs from the rest.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "launcher/cli/cli.h"

namespace everstep {

struct HostCheckFlags {
  std::vector<std::string> hosts{};  // lists; empty: all that are free
  std::string level = "quick";       // quick | full | deep: full, and each host under stress
  std::string stress = "10s";        // of level deep: for how long
  std::string profile{};
  bool waits = false;
  bool strict = false;  // what warns or cannot be read is bad, too
};

// Runs as one job on the hosts, which get no other meanwhile: each looks at itself (everstep-agent preflight), then becomes
// everstep-probe pairs where there are two or more. The launcher keeps who has passed. Exit code 0: fit; 1: some are not;
// errors: it could not be made.
Result<int> CheckHosts(const Cli& cli, const HostCheckFlags& flags);

}  // namespace everstep
