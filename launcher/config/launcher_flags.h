// The command line of everstep-launcher: flag > variable > launcher.yaml > default.
#pragma once

#include "base/yaml/settings.h"
#include "launcher/daemon/options.h"

namespace everstep {

// `options` is complete: a state directory is chosen and absolute, all paths are. When `print` is set there is nothing to run.
using LauncherSettings = yaml::Settings<LauncherOptions>;

Result<LauncherSettings> LauncherOptionsFrom(int argc, const char* const* argv, const yaml::Environment& environment);

}  // namespace everstep
