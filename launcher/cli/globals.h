// The flags that every verb has, those that every reading verb has, and the variable that stands for each:
// flag > variable > default. `everstep config view` prints them.
#pragma once

#include <string>
#include <vector>

#include "base/fields.h"
#include "base/result.h"
#include "launcher/cli/cli.h"

namespace CLI {
class App;
}

namespace everstep {

// --launcher, --insecure, --color
void AddGlobalFlags(CLI::App& app, Cli& cli);
// -o and, where the verb prints a table, --no-headers
void AddOutputFlags(CLI::App& verb, Cli& cli, bool table);
// The same and --watch, for verbs that show what may change.
void AddReadingFlags(CLI::App& verb, Cli& cli, bool table);

// Whether the next word belongs to this flag, when it stands before the verb.
bool TakesValue(std::string_view flag);

// How a switch is said by a variable: true, false, 1, 0.
const std::vector<std::string>& TruthWords();
bool IsTrue(std::string_view word);

// What no flag has said is taken from the variables, and --color is put in force. Once, after the command line was read.
Status ReadVariables(Cli& cli);

struct SettingView {
  std::string key{};
  std::string value{};
  std::string from{};  // "--launcher", "EVERSTEP_LAUNCHER", "default", "the cluster of everstep up"
};
EVERSTEP_FIELDS(SettingView, key, value, from)

// REQUIRES: ReadVariables was called.
std::vector<SettingView> SettingsOf(const Cli& cli);

}  // namespace everstep
