// The command line of everstep-agent: flag > variable > agent.yaml > default.
#pragma once

#include "agent/daemon/options.h"
#include "base/yaml/settings.h"

namespace everstep {

// `options` is complete but for advertise and job_address, which are known once the agent listens and has a launcher: name,
// directories and keeper are chosen, paths absolute. When `print` is set there is nothing to run.
using AgentSettings = yaml::Settings<AgentOptions>;

Result<AgentSettings> AgentOptionsFrom(int argc, const char* const* argv, const yaml::Environment& environment);

}  // namespace everstep
