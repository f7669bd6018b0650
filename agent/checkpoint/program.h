// Finds the program of a command line as execvp would, but in the job's PATH and working directory instead of the agent's.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace everstep {

// The absolute path of `argv0`. With a '/' in it: itself, relative to `workdir`. Else searched in `path` (nullopt:
// /usr/local/bin:/usr/bin:/bin), where an empty or relative entry is relative to `workdir`. Must be an executable regular file.
Result<std::string> FindProgram(const std::string& argv0, const std::optional<std::string>& path, const std::string& workdir);

// The executable file `name` in the directory of the program that runs; empty: there is none.
std::string BesideThisProgram(std::string_view name);

}  // namespace everstep
