#include "launcher/cli/app.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/version.h"
#include "launcher/cli/argv.h"
#include "launcher/cli/flag_variables.h"
#include "launcher/cli/globals.h"
#include "launcher/cli/help_format.h"
#include "launcher/cli/misuse.h"
#include "launcher/cli/verbs.h"

namespace everstep {

namespace {

constexpr const char* kAbout =
    "Launches distributed fine-tuning on a set of hosts, and keeps the run stepping when processes, hosts or links fail.";
constexpr const char* kAppFooter =
    "Exit codes: 0 good, 1 it ran and the answer is bad, 2 usage or it could not run, 124 time-out; run and wait return the "
    "job's own code, 125 when run itself was misused or failed.";

void AddVerbs(CLI::App& app, Cli& cli) {
  const auto in = [&app](const char* group, std::initializer_list<void (*)(CLI::App&, Cli&)> adds, Cli& with) {
    const std::size_t before = app.get_subcommands({}).size();
    for (const auto add : adds) add(app, with);
    const std::vector<CLI::App*> verbs = app.get_subcommands({});
    for (std::size_t i = before; i < verbs.size(); ++i)
      if (!verbs[i]->get_group().empty()) verbs[i]->group(group);
  };
  in("A cluster on this machine", {AddUp, AddDown}, cli);
  in("Jobs", {AddRun, AddInit, AddLint, AddSubmit, AddJobs, AddJob, AddLogs, AddCancel, AddWait, AddExplain, AddIncidents},
     cli);
  in("The cluster", {AddTop, AddNodes, AddNode, AddCheck, AddBench, AddDrain, AddUndrain, AddClear, AddEvents, AddDrill}, cli);
  in("Files", {AddCkpt}, cli);
  in("Everstep", {AddConfig, AddSchema, AddCompletion, AddHelp, AddMan, AddVersion}, cli);
}

// The user's own command must not be looked at by the parser: cut off, and kept for the verb.
std::vector<std::string> CutCommand(const std::vector<std::string>& words, CLI::App& app, Cli& cli) {
  const std::size_t at = VerbAt(words);
  if (at == words.size() || words[at] != "run") return words;
  CLI::App* run = app.get_subcommand("run");
  const auto takes_value = [&](std::string_view flag) {
    const std::string name(flag);
    const CLI::Option* option = run->get_option_no_throw(name);
    if (!option) option = app.get_option_no_throw(name);
    return option && option->get_items_expected_max() > 0;
  };
  SplitArgv split = SplitCommand({words.begin() + static_cast<std::ptrdiff_t>(at) + 1, words.end()}, takes_value);
  cli.command = std::move(split.command);
  std::vector<std::string> ours(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  ours.insert(ours.end(), split.ours.begin(), split.ours.end());
  return ours;
}

int Misused(const CLI::App& app, const Cli& cli, const std::vector<std::string>& arguments, const CLI::ParseError& error) {
  const Misuse misuse = MisuseOf(app, arguments, error);
  WriteErr(WrapLines(cli.console.err, Cat(misuse.command, ": ", misuse.message, "\n  ", misuse.hint, "\n"), 2));
  return cli.failure_code;
}

// A verb's error: what and where first, then what to do.
void Tell(const Cli& cli, const Error& error) {
  constexpr std::string_view kWho = "everstep:";
  std::string text = WrapLines(cli.console.err, Cat(kWho, ' ', Printable(error.message)), 2) + '\n';
  text.replace(0, kWho.size(), Paint(cli.console.err, Style::red, kWho));
  if (!error.hint.empty()) text += WrapLines(cli.console.err, Cat("  ", Printable(error.hint)), 2) + '\n';
  WriteErr(text);
}

// A good end needs its data to have arrived; a bad one keeps its code.
int Arrived(const Cli& cli, int code) {
  const Status arrived = OutputArrived();
  if (arrived) return code;
  Tell(cli, arrived.error());
  return code == exit_code::kGood ? cli.failure_code : code;
}

}  // namespace

int RunEverstep(const std::vector<std::string>& arguments, Cli& cli) {
  CLI::App app(kAbout, "everstep");
  app.formatter(std::make_shared<HelpFormat>(cli.console.out.columns.value_or(100)));
  app.require_subcommand(1);
  app.fallthrough();
  app.set_help_flag("-h,--help", "print this and exit");
  app.set_version_flag("--version", Cat("everstep ", Version()), "print the version of this program and exit");
  AddGlobalFlags(app, cli);
  AddVerbs(app, cli);
  app.footer(kAppFooter);  // last: the verbs would inherit it

  const std::size_t at = VerbAt(arguments);
  if (at < arguments.size() && arguments[at] == "run") cli.failure_code = exit_code::kRunFailed;  // 2 could be the job's
  const auto named = [&](const CLI::App* verb) { return at < arguments.size() && verb->get_name() == arguments[at]; };
  if (at < arguments.size() && app.get_subcommands(named).empty())
    return Misused(app, cli, arguments, CLI::ExtrasError({arguments[at]}));
  std::vector<std::string> words = CutCommand(arguments, app, cli);
  const std::vector<std::string> ours = words;
  std::reverse(words.begin(), words.end());
  try {  // CLI11 throws; nothing of it leaves this function
    app.parse(std::move(words));
  } catch (const CLI::CallForHelp&) {
    WriteOut(app.help());
    return Arrived(cli, exit_code::kGood);
  } catch (const CLI::CallForVersion& version) {
    WriteOut(Cat(version.what(), '\n'));
    return Arrived(cli, exit_code::kGood);
  } catch (const CLI::ParseError& error) {
    if (arguments.empty()) {
      WriteErr(app.help());
      return exit_code::kCouldNotRun;
    }
    return Misused(app, cli, ours, error);
  }
  Status variables = TakeFlagVariables(app, cli.environment());
  if (variables) variables = ReadVariables(cli);
  if (!variables) {
    Tell(cli, variables.error());
    return cli.failure_code;
  }
  const Result<int> code = cli.verb();
  if (code) return Arrived(cli, *code);
  Tell(cli, code.error());
  return cli.failure_code;
}

}  // namespace everstep
