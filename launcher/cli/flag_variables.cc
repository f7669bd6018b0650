#include "launcher/cli/flag_variables.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/text.h"
#include "base/yaml/typo.h"

namespace everstep {

namespace {

std::string InCapitals(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c == '-' || c == ' ' ? '_' : c;
  return text;
}

// Flags of a verb that have variables, each with its own.
struct FlagVariable {
  CLI::Option* option;
  std::string name;
};
std::vector<FlagVariable> VariablesOf(const CLI::App& verb, const std::string& words) {
  std::vector<FlagVariable> variables;
  for (const CLI::Option* option : verb.get_options()) {
    if (option->get_positional() || option->get_lnames().empty() || option->get_lnames().front() == "help") continue;
    const std::string& flag = option->get_lnames().front();
    variables.push_back({const_cast<CLI::App&>(verb).get_option("--" + flag), VariablePrefix(words) + InCapitals(flag)});
  }
  return variables;
}

bool ExcludedByAnother(const CLI::App& verb, const CLI::Option& option) {
  const auto given = [&](const CLI::Option* other) {
    const auto excluded = other->get_excludes();
    return other->count() > 0 && excluded.find(const_cast<CLI::Option*>(&option)) != excluded.end();
  };
  const auto all = verb.get_options();
  return std::any_of(all.begin(), all.end(), given);
}

Status Take(const FlagVariable& variable, const std::string& value) {
  const bool is_switch = variable.option->get_items_expected_max() == 0;
  if (is_switch && std::find(TruthWords().begin(), TruthWords().end(), value) == TruthWords().end())
    return Fail(ErrorCode::kInvalid,
                Cat(variable.name, ": found \"", Clip(Printable(value), 60), "\", legal: ", Join(TruthWords(), ", ", " or ")),
                DidYouMean(value, TruthWords()));
  if (is_switch && !IsTrue(value)) return {};
  try {  // CLI11 throws; nothing of it leaves this function
    variable.option->add_result(is_switch ? "true" : value);
    variable.option->run_callback();
  } catch (const CLI::ParseError& error) {
    const std::string message = error.what(), flag = variable.option->get_name() + ": ";
    return Fail(ErrorCode::kInvalid,
                Cat(variable.name, ": ", message.starts_with(flag) ? message.substr(flag.size()) : message),
                "the variable of a flag takes what the flag takes");
  }
  return {};
}

}  // namespace

std::string VariablePrefix(const std::string& verb) { return Cat("EVERSTEP_", InCapitals(verb), '_'); }

Status TakeFlagVariables(const CLI::App& app, const yaml::Environment& environment) {
  std::string name;  // of the verb; `ckpt ls` and `ckpt verify` share theirs
  for (const CLI::App* verb = &app; !verb->get_subcommands().empty();) {
    verb = verb->get_subcommands().front();
    if (verb->get_group().empty()) return {};  // not typed by people
    if (name.empty()) name = verb->get_name();
    for (const FlagVariable& variable : VariablesOf(*verb, name)) {
      const std::string value = environment(variable.name).value_or("");
      if (value.empty() || variable.option->count() > 0 || ExcludedByAnother(*verb, *variable.option)) continue;
      EVERSTEP_TRY(Take(variable, value));
    }
  }
  return {};
}

std::vector<SettingView> FlagVariablesSet(const CLI::App& app, const yaml::Environment& environment) {
  std::vector<SettingView> views;
  const auto add = [&](const CLI::App& verb, const std::string& name) {
    for (const FlagVariable& variable : VariablesOf(verb, name)) {
      const std::string value = environment(variable.name).value_or("");
      const auto same = [&](const SettingView& view) { return view.from == variable.name; };
      if (value.empty() || std::any_of(views.begin(), views.end(), same)) continue;
      views.push_back({.key = Cat(name, " --", variable.option->get_lnames().front()), .value = value, .from = variable.name});
    }
  };
  const auto for_people = [](const CLI::App* verb) { return !verb->get_group().empty(); };
  for (const CLI::App* verb : app.get_subcommands(for_people)) {
    add(*verb, verb->get_name());
    for (const CLI::App* inner : verb->get_subcommands(for_people)) add(*inner, verb->get_name());
  }
  return views;
}

}  // namespace everstep
