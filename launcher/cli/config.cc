// everstep config view: the settings in force, each with where it comes from. The daemons read their own: their programs are
// asked.

#include <CLI/CLI.hpp>
#include <memory>

#include "launcher/cli/flag_variables.h"
#include "launcher/cli/flags.h"
#include "launcher/cli/globals.h"
#include "launcher/cli/output.h"
#include "launcher/cli/sibling.h"
#include "launcher/cli/verbs.h"

namespace everstep {

namespace {

struct ConfigFlags {
  std::string whose = "everstep";
  std::string file{};
};

Result<int> View(const CLI::App& app, const Cli& cli, const ConfigFlags& flags) {
  if (flags.whose == "everstep") {
    if (!flags.file.empty()) return Fail(ErrorCode::kInvalid, "--config: the command line itself has no file");
    std::vector<SettingView> settings = SettingsOf(cli);
    for (SettingView& setting : FlagVariablesSet(app, cli.environment())) settings.push_back(std::move(setting));
    TextTable table{.titles = {"KEY", "VALUE", "FROM"}};
    for (const SettingView& setting : settings) table.rows.push_back({setting.key, setting.value, setting.from});
    WriteOut(ForPeople(cli.output) ? Render(table, StyleOf(cli)) : ViewData(cli.output, settings));
    return exit_code::kGood;
  }
  std::vector<std::string> arguments;
  if (!flags.file.empty()) arguments = {"--config", flags.file};
  arguments.emplace_back(cli.output == OutputFormat::yaml    ? "--print-config"
                         : ForPeople(cli.output)             ? "--print-sources"
                         : cli.output == OutputFormat::jsonl ? "--print-sources=jsonl"
                                                             : "--print-sources=json");
  return BecomeSibling(cli, Cat("everstep-", flags.whose), arguments);
}

}  // namespace

void AddConfig(CLI::App& app, Cli& cli) {
  auto flags = std::make_shared<ConfigFlags>();
  CLI::App* verb = app.add_subcommand("config", "show the settings in force, and where each comes from");
  verb->add_option("WHAT", "view: the only thing there is to do")->required()->check(OneOf({"view"}))->type_name("view");
  verb->add_option("WHOSE", flags->whose, "everstep: this command line; launcher or agent: as that program would start here")
      ->check(OneOf({"everstep", "launcher", "agent"}))
      ->type_name("everstep|launcher|agent");
  verb->add_option("--config", flags->file, "with this launcher.yaml or agent.yaml [EVERSTEP_CONFIG]")->type_name("FILE");
  AddOutputFlags(*verb, cli, true);
  verb->callback([&app, &cli, flags] { cli.verb = [&app, &cli, flags] { return View(app, cli, *flags); }; });
}

}  // namespace everstep
