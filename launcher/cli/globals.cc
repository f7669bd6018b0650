#include "launcher/cli/globals.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>

#include "base/yaml/typo.h"
#include "launcher/cli/flags.h"

namespace everstep {

namespace {

struct Setting {
  std::string_view flag, variable;
  std::vector<std::string> legal;  // empty: any text
  void (*set)(Cli&, const std::string&);
  std::string (*get)(const Cli&);
};

std::vector<std::string> Formats() {
  std::vector<std::string> names;
  for (const std::string_view name : NamesOf(OutputFormat{})) names.emplace_back(name);
  return names;
}

std::string Truth(bool value) { return value ? "true" : "false"; }

const std::vector<Setting>& Settings() {
  static const std::vector<Setting> settings{
      {"--launcher", "EVERSTEP_LAUNCHER", {}, [](Cli& cli, const std::string& text) { cli.launcher = text; }, LauncherAddress},
      {"--insecure", "EVERSTEP_INSECURE", TruthWords(), [](Cli& cli, const std::string& text) { cli.insecure = IsTrue(text); },
       [](const Cli& cli) { return Truth(cli.insecure); }},
      {"--color",
       "EVERSTEP_COLOR",
       {"auto", "always", "never"},
       [](Cli& cli, const std::string& text) { cli.color = text; },
       [](const Cli& cli) { return cli.color; }},
      {"--output", "EVERSTEP_OUTPUT", Formats(),
       [](Cli& cli, const std::string& text) { cli.output = EnumNamed<OutputFormat>(text).value_or(OutputFormat::table); },
       [](const Cli& cli) { return std::string(Name(cli.output)); }},
      {"--no-headers", "EVERSTEP_NO_HEADERS", TruthWords(),
       [](Cli& cli, const std::string& text) { cli.titles = !IsTrue(text); },
       [](const Cli& cli) { return Truth(!cli.titles); }}};
  return settings;
}

const Setting& Find(std::string_view flag) {
  const auto& all = Settings();
  return *std::find_if(all.begin(), all.end(), [&](const Setting& setting) { return setting.flag == flag; });
}

void Given(Cli& cli, std::string_view flag, const std::string& value) {
  Find(flag).set(cli, value);
  cli.given.emplace(flag);
}

std::string NamedVariable(std::string_view what, std::string_view flag) { return Cat(what, " [", Find(flag).variable, ']'); }

void AddChoice(CLI::App& app, Cli& cli, const char* names, std::string_view flag, const std::string& what) {
  app.add_option_function<std::string>(
         names, [&cli, flag](const std::string& value) { Given(cli, flag, value); }, what)
      ->check(OneOf(Find(flag).legal))
      ->type_name(Join(Find(flag).legal, "|"));
}

void AddSwitch(CLI::App& app, Cli& cli, std::string_view flag, const std::string& what) {
  app.add_flag_callback(
      std::string(flag), [&cli, flag] { Given(cli, flag, "true"); }, what);
}

}  // namespace

void AddGlobalFlags(CLI::App& app, Cli& cli) {
  app.add_option_function<std::string>(
         "--launcher", [&cli](const std::string& value) { Given(cli, "--launcher", value); },
         "the launcher's address [EVERSTEP_LAUNCHER; the cluster of `up`; 127.0.0.1:7450]")
      ->type_name("HOST:PORT");
  AddSwitch(app, cli, "--insecure", NamedVariable("plain text to an address that is not loopback", "--insecure"));
  AddChoice(app, cli, "--color", "--color", "auto: on a terminal, and not with NO_COLOR [EVERSTEP_COLOR; auto]");
}

void AddOutputFlags(CLI::App& verb, Cli& cli, bool table) {
  AddChoice(verb, cli, "-o,--output", "--output", "for people, or for programs [EVERSTEP_OUTPUT; table]");
  if (table) AddSwitch(verb, cli, "--no-headers", NamedVariable("leave out the line of titles", "--no-headers"));
}

void AddReadingFlags(CLI::App& verb, Cli& cli, bool table) {
  AddOutputFlags(verb, cli, table);
  verb.add_flag("-w,--watch", cli.watch, "show it again whenever it changes, until Ctrl-C");
}

const std::vector<std::string>& TruthWords() {
  static const std::vector<std::string> words{"true", "false", "1", "0"};
  return words;
}

bool IsTrue(std::string_view word) { return word == "true" || word == "1"; }

bool TakesValue(std::string_view flag) {
  return flag == "--launcher" || flag == "--color" || flag == "-o" || flag == "--output";
}

Status ReadVariables(Cli& cli) {
  for (const Setting& setting : Settings()) {
    const std::string value = cli.environment()(std::string(setting.variable)).value_or("");
    if (value.empty() || cli.given.contains(std::string(setting.flag))) continue;
    if (!setting.legal.empty() && std::find(setting.legal.begin(), setting.legal.end(), value) == setting.legal.end())
      return Fail(
          ErrorCode::kInvalid,
          Cat(setting.variable, ": found \"", Clip(Printable(value), 60), "\", legal: ", Join(setting.legal, ", ", " or ")),
          DidYouMean(value, setting.legal));
    setting.set(cli, value);
    cli.given.emplace(setting.variable);
  }
  for (Terminal* stream : {&cli.console.out, &cli.console.err})
    if (cli.color != "auto") stream->colour = cli.color == "always";
  return {};
}

std::vector<SettingView> SettingsOf(const Cli& cli) {
  std::vector<SettingView> views;
  for (const Setting& setting : Settings()) {
    std::string from = "default";
    if (setting.flag == "--launcher" && cli.launcher.empty() && setting.get(cli) != ClientOptions{}.address)
      from = "the cluster of everstep up";
    for (const std::string_view word : {setting.variable, setting.flag})
      if (cli.given.contains(std::string(word))) from = word;
    views.push_back({.key = std::string(setting.flag.substr(2)), .value = setting.get(cli), .from = std::move(from)});
  }
  return views;
}

}  // namespace everstep
