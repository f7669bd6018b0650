// The verbs of `everstep`, one file each. Each function adds its verb to the command line: flags, help, and what it does.
#pragma once

#include "launcher/cli/cli.h"

namespace CLI {
class App;
}

namespace everstep {

inline constexpr const char* kJobWords = "a job's id, or its name: of that name the one that has not ended";

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
void AddIncidents(CLI::App& app, Cli& cli);
void AddBench(CLI::App& app, Cli& cli);
void AddDrain(CLI::App& app, Cli& cli);
void AddUndrain(CLI::App& app, Cli& cli);
void AddClear(CLI::App& app, Cli& cli);
void AddDrill(CLI::App& app, Cli& cli);
void AddNodes(CLI::App& app, Cli& cli);
void AddNode(CLI::App& app, Cli& cli);
void AddEvents(CLI::App& app, Cli& cli);
void AddCheck(CLI::App& app, Cli& cli);
void AddCkpt(CLI::App& app, Cli& cli);
void AddInit(CLI::App& app, Cli& cli);
void AddTop(CLI::App& app, Cli& cli);
void AddLint(CLI::App& app, Cli& cli);
void AddConfig(CLI::App& app, Cli& cli);
void AddSchema(CLI::App& app, Cli& cli);
void AddCompletion(CLI::App& app, Cli& cli);
void AddHelp(CLI::App& app, Cli& cli);
void AddMan(CLI::App& app, Cli& cli);
void AddVersion(CLI::App& app, Cli& cli);

}  // namespace everstep
