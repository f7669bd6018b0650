// What every verb of `everstep` is given, and how it reports: its result is the exit code, or an Error that app.cc prints.
//
//   0 good · 1 it ran and the answer is bad · 2 usage, or it could not run · 124 time-out · 125 `run` itself was misused or
//   failed
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "base/yaml/settings.h"
#include "launcher/cli/terminal.h"
#include "launcher/core/api.h"
#include "launcher/rpc/client.h"

namespace everstep {

namespace exit_code {
inline constexpr int kGood = 0;
inline constexpr int kBad = 1;
inline constexpr int kCouldNotRun = 2;
inline constexpr int kTimeout = 124;
inline constexpr int kRunFailed = 125;
}  // namespace exit_code

// table: for eyes, grep and awk; wide: the same with more columns, never cut; the others for programs (output.h).
EVERSTEP_ENUM(OutputFormat, table, wide, json, yaml, jsonl)

constexpr bool ForPeople(OutputFormat format) { return format == OutputFormat::table || format == OutputFormat::wide; }

struct Cli {
  std::map<std::string, std::string> variables{};  // the whole environment
  Console console{};
  std::string program{};    // absolute path of this executable; the daemons stand beside it
  std::string directory{};  // where the user stands, absolute

  // Flags that all verbs have, and those that all reading ones have (globals.h).
  std::string launcher{};  // empty: see LauncherAddress
  bool insecure = false;
  std::string color = "auto";  // auto | always | never
  OutputFormat output = OutputFormat::table;
  bool titles = true;
  bool watch = false;
  std::set<std::string> given{};       // "--launcher", "EVERSTEP_LAUNCHER": where a value is not the default
  std::vector<std::string> command{};  // what stands behind the flags of `run`: the user's own

  // What the command line asks for; set by the verb's parser.
  std::function<Result<int>()> verb{};
  int failure_code = exit_code::kCouldNotRun;

  yaml::Environment environment() const {
    return [this](const std::string& name) {
      const auto found = variables.find(name);
      return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
  }
};

// --launcher or EVERSTEP_LAUNCHER, else the local cluster of `everstep up`, else 127.0.0.1:7450.
std::string LauncherAddress(const Cli& cli);

Result<std::unique_ptr<ControlClient>> Connect(const Cli& cli, Duration deadline = 10s);

// "user@host", for the launcher's record of who asked.
std::string Requester();

// One request over a connection of its own; the reply must be of this kind.
template <class Reply>
Result<Reply> Ask(ControlClient& client, const ApiRequest& request) {
  EVERSTEP_ASSIGN(ApiReply reply, client.Call(request));
  if (Reply* right = std::get_if<Reply>(&reply)) return std::move(*right);
  return Fail(ErrorCode::kCorrupt, "the launcher answered another question",
              "launcher and command line are of different versions");
}
template <class Reply>
Result<Reply> Ask(const Cli& cli, const ApiRequest& request) {
  EVERSTEP_ASSIGN(const auto client, Connect(cli));
  return Ask<Reply>(*client, request);
}

}  // namespace everstep
