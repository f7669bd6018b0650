// Files with secrets for the ranks (env_from): NAME=value lines, read on the host that needs them.
//
// Blank lines and lines that begin with '#' are skipped. A value may stand in one pair of single or double quotes, which are
// taken off; nothing in it is expanded. A name given twice: the later one counts. Errors name file, line and at most the
// variable, never a value.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace everstep {

Result<std::map<std::string, std::string>> ParseEnvFile(std::string_view text, const std::string& path);

// At most 1 MiB, a regular file.
Result<std::map<std::string, std::string>> ReadEnvFile(const std::string& path);

}  // namespace everstep
