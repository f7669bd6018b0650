// launcher.yaml: one table with every key, its type, range, default and words. configs/launcher.yaml is its printed form.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/yaml/table.h"
#include "launcher/daemon/options.h"

namespace everstep {

// Several values at once; keys that stand in the file win over the profile.
//   standard  written `default`: the defaults of LauncherOptions
//   fast      lost hosts are noticed sooner, for networks that are never silent for seconds
EVERSTEP_ENUM(Profile, standard, fast)

void Apply(Profile profile, LauncherOptions& options);

const yaml::Table<LauncherOptions>& LauncherFileTable();

inline constexpr std::string_view kLauncherFileTitle =
    "Settings of everstep-launcher: every key with its default; behind it what is legal.\n"
    "\n"
    "A key that is left out has its default. A file with a mistake is refused whole. A duration is written 500ms, 3.3s, 90s, "
    "10min, 6h or 90d.\n"
    "\n"
    "Flags win over variables, those over this file: see everstep-launcher --help. What is in force is printed by "
    "everstep-launcher --config FILE --print-config.";

// What must hold between keys, with the reason in the error ("lost_after: ...").
Status CheckLauncher(const LauncherOptions& options);

// configs/launcher.yaml, or the same with other values.
std::string WriteLauncherFile(const LauncherOptions& options);

}  // namespace everstep
