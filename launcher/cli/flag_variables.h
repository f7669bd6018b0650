// A variable for every flag of every verb: EVERSTEP_RUN_NNODES is `everstep run --nnodes`. The verb is in the name because
// ranks have EVERSTEP_CHECKPOINT_DIR and the like in their environment. A flag that is given wins.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "launcher/cli/globals.h"

namespace CLI {
class App;
}

namespace everstep {

// After the command line was read: flags of its verb that were not given take the values of their variables. kInvalid names
// the variable. One that excludes a flag that was given is passed over.
Status TakeFlagVariables(const CLI::App& app, const yaml::Environment& environment);

// Those that are set, of all verbs: "run --nnodes", "4", "EVERSTEP_RUN_NNODES".
std::vector<SettingView> FlagVariablesSet(const CLI::App& app, const yaml::Environment& environment);

// "EVERSTEP_RUN_" in front of a flag's name in capitals.
std::string VariablePrefix(const std::string& verb);

}  // namespace everstep
