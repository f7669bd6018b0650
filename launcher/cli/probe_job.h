// Jobs that the command line itself starts to look at hosts: bench, check. One rank a host, no restart, hosts that are free
// now.
#pragma once

#include <string>
#include <vector>

#include "base/job_spec.h"
#include "base/result.h"
#include "launcher/cli/cli.h"

namespace everstep {

// Those that could be given to a job now; the others are named on stderr.
Result<std::vector<std::string>> FreeHosts(ControlClient& client);

JobSpec ProbeJob(const Cli& cli, const std::string& name, std::vector<std::string> command, std::vector<std::string> hosts);

// Submits it. Where it would have to wait for hosts, and not `waits`: takes it back, kConflict with the reason. `before`: what
// was known before, for its events.
struct Placed {
  JobId job{};
  LogIndex before{};
};
Result<Placed> Place(ControlClient& client, const JobSpec& spec, bool waits);

}  // namespace everstep
