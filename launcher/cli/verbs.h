// The verbs of `everstep`, one file each. Each function adds its verb to the command line: flags, help, and what it does.
#pragma once

#include <string>

#include "launcher/cli/cli.h"

namespace CLI {
class App;
}

namespace everstep {

void AddUp(CLI::App& app, Cli& cli);
void AddDown(CLI::App& app, Cli& cli);
void AddRun(CLI::App& app, Cli& cli);
void AddSubmit(CLI::App& app, Cli& cli);
void AddJobs(CLI::App& app, Cli& cli);
void AddJob(CLI::App& app, Cli& cli);
void AddLogs(CLI::App& app, Cli& cli);
void AddCancel(CLI::App& app, Cli& cli);
void AddWait(CLI::App& app, Cli& cli);
void AddExplain(CLI::App& app, Cli& cli);
void AddNodes(CLI::App& app, Cli& cli);
void AddNode(CLI::App& app, Cli& cli);
void AddEvents(CLI::App& app, Cli& cli);
void AddCkpt(CLI::App& app, Cli& cli);
void AddVersion(CLI::App& app, Cli& cli);

// -o table|json and --no-headers, for verbs that read.
void AddOutputFlags(CLI::App& verb, Cli& cli, bool table);

}  // namespace everstep
