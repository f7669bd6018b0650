// agent.yaml: one table with every key, its type, range, default and words. configs/agent.yaml is its printed form.
#pragma once

#include <string>
#include <string_view>

#include "agent/daemon/options.h"
#include "base/yaml/table.h"

namespace everstep {

const yaml::Table<AgentOptions>& AgentFileTable();

inline constexpr std::string_view kAgentFileTitle =
    "Settings of everstep-agent: every key with its default; behind it what is legal.\n"
    "\n"
    "A key that is left out has its default. A file with a mistake is refused whole. A duration is written 500ms, 90s or "
    "10min, a size 64MiB or 1GB.\n"
    "\n"
    "Flags win over variables, those over this file: see everstep-agent --help. What is in force is printed by "
    "everstep-agent --config FILE --print-config.";

// configs/agent.yaml, or the same with other values.
std::string WriteAgentFile(const AgentOptions& options);

}  // namespace everstep
