// Every check of a host, for people: what is bad first, each in a line, and below it what came before. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/host_checks.h"
#include "launcher/cli/text_table.h"

namespace everstep {

// With style.columns names and values are cut to fit; else nothing is. One line where there are no checks, and why.
std::string ChecksText(const HostChecks& checks, const TableStyle& style);

}  // namespace everstep
