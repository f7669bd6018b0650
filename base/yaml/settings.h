// The settings of a program: flag > environment > file > default, all read by the rows of one table, so that a value is checked
// and named the same way wherever it comes from.
//
//   const Program<Options> program{.name = "everstep-agent", .table = &Table(), .flags = {FlagFor(Table(), "listen", …)}};
//   Result<Settings<Options>> settings = Configure(program, argc, argv, environment);
//
// Every program also understands --config FILE (and its variable EVERSTEP_CONFIG), --print-config, --print-sources,
// --print-schema, --help and --version. Flags are written --name VALUE or --name=VALUE, switches --name; the last of several
// wins; there are no other arguments.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/result.h"
#include "base/yaml/table.h"

namespace everstep::yaml {

// nullopt: not set. Wraps getenv, which only main.cc may call.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

// What stands in the help, and what the parser needs to know.
struct FlagSpec {
  std::string name{};         // "listen", written --listen
  std::string placeholder{};  // "HOST:PORT"; empty: a switch
  std::string env{};          // "EVERSTEP_LISTEN"; empty: none
  std::string doc{};
};

template <class S>
struct Flag {
  FlagSpec spec{};
  Row<S> row{};
};

template <class S>
struct Program {
  std::string name{};
  std::string about{};    // one line
  std::string version{};  // "everstep 0.1.0"
  std::string title{};    // comment on top of a printed config
  const Table<S>* table = nullptr;
  std::vector<Flag<S>> flags{};
  std::function<Status(S&)> check{};     // across keys; runs on the file alone, and again on the whole
  std::function<Status(S&)> complete{};  // fills what was left empty, last
};

template <class S>
struct Settings {
  S options{};
  std::optional<std::string> print{};  // write this to stdout and exit with 0: --help, --print-config …
};

// A flag for the key `key` of the table, with the key's words. REQUIRES: the table has it.
template <class S>
Flag<S> FlagFor(const Table<S>& table, std::string_view key, std::string name, std::string placeholder, std::string env) {
  const Row<S>* row = table.Find(key);
  Check(row, "a flag needs a key");
  return {.spec = {.name = std::move(name), .placeholder = std::move(placeholder), .env = std::move(env), .doc = row->doc},
          .row = *row};
}

// ---- the parts that do not depend on the struct --------------------------------------------------------------------------

// Values by flag name; "true" for a switch. kInvalid: an unknown flag, a missing value, an argument that is no flag.
Result<std::map<std::string, std::string>> ParseFlags(int argc, const char* const* argv, const std::vector<FlagSpec>& specs);
std::string HelpText(std::string_view program, std::string_view about, const std::vector<FlagSpec>& specs);
// At most kBytesMax + 1 bytes of it: a longer file fails in Parse.
Result<std::string> ReadConfigFile(const std::string& path);
// "FILE:LINE" by key ("detection.lost_after") for each value that stands in the file. REQUIRES: the text can be read.
std::map<std::string, std::string> SourcesIn(std::string_view text, const std::string& file);
// The value as if it stood in a file; `from` is "--listen" or "EVERSTEP_LISTEN" in the error.
Node ValueNode(std::string_view value);
Error ValueError(std::string_view from, const Problems& problems);

// $XDG_STATE_HOME/everstep, else $HOME/.local/state/everstep. kInvalid: neither is set (or XDG_STATE_HOME is not absolute).
Result<std::string> StateHome(const Environment& environment);
// Where the user stands, in front of a path that is neither absolute nor empty.
Status MakeAbsolute(std::string& path);

// ------------------------------------------------------------------------------------------------------------------------

template <class S>
Result<Settings<S>> Configure(const Program<S>& program, int argc, const char* const* argv, const Environment& environment) {
  std::vector<FlagSpec> specs{{"config", "FILE", "EVERSTEP_CONFIG", "read settings from this YAML file"}};
  for (const Flag<S>& flag : program.flags) specs.push_back(flag.spec);
  specs.push_back({"print-config", "", "", "print the settings in force, as a YAML file with comments, and exit"});
  specs.push_back(
      {"print-sources", "", "", "print each setting in force and where it comes from, and exit; =json or =jsonl for programs"});
  specs.push_back({"print-schema", "", "", "print a JSON schema of the YAML file, for editors, and exit"});
  specs.push_back({"help", "", "", "print this and exit"});
  specs.push_back({"version", "", "", "print the version and exit"});

  EVERSTEP_ASSIGN(const auto given, ParseFlags(argc, argv, specs));
  Settings<S> settings;
  if (given.contains("help")) settings.print = HelpText(program.name, program.about, specs);
  if (given.contains("version")) settings.print = program.version + "\n";
  if (given.contains("print-schema")) settings.print = PrettySchema(program.name, SchemaOf(*program.table));
  if (settings.print) return settings;

  std::map<std::string, std::string> sources;
  auto file = environment("EVERSTEP_CONFIG");
  if (const auto flag = given.find("config"); flag != given.end()) file = flag->second;
  if (file && !file->empty()) {
    EVERSTEP_ASSIGN(const std::string text, ReadConfigFile(*file));
    auto read = Read(*program.table, text, *file, S{}, program.check);
    if (!read) {
      Error error = std::move(read).error();
      if (error.hint.empty()) error.hint = program.name + " --print-schema prints every key and what is legal";
      return Fail(std::move(error));
    }
    settings.options = *std::move(read);
    sources = SourcesIn(text, *file);
  }
  for (const Flag<S>& flag : program.flags) {
    const auto value = given.find(flag.spec.name);
    const auto variable = flag.spec.env.empty() ? std::nullopt : environment(flag.spec.env);
    if (value == given.end() && (!variable || variable->empty())) continue;
    Problems problems;
    flag.row.read(ValueNode(value != given.end() ? value->second : *variable), settings.options, problems);
    const std::string from = value != given.end() ? "--" + flag.spec.name : flag.spec.env;
    if (!problems.empty()) return Fail(ValueError(from, problems));
    sources[flag.row.name] = from;
  }
  if (program.check) EVERSTEP_TRY(program.check(settings.options));
  if (program.complete) EVERSTEP_TRY(program.complete(settings.options));
  if (given.contains("print-config"))
    settings.print = PrintWithDocs(program.title, EntriesOf(*program.table, settings.options));
  if (const auto how = given.find("print-sources"); how != given.end()) {
    const auto all = WithSources(EntriesOf(*program.table, settings.options), EntriesOf(*program.table, S{}), sources);
    settings.print = how->second == "json"    ? PrintSourcesAsJson(all)
                     : how->second == "jsonl" ? PrintSourcesAsJsonLines(all)
                                              : PrintSources(all);
  }
  return settings;
}

}  // namespace everstep::yaml
