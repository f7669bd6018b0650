#include "launcher/cli/help_format.h"

#include <algorithm>

#include "base/text.h"
#include "launcher/cli/flag_variables.h"
#include "launcher/cli/terminal.h"

namespace everstep {

namespace {

constexpr std::size_t kFlagColumn = 30;
constexpr std::size_t kVerbColumn = 14;
constexpr std::size_t kWidest = 110;

// `ckpt` of `ckpt verify`: the verb that its variables are named by.
std::string OuterVerb(const CLI::App* verb) {
  while (verb->get_parent()->get_parent()) verb = verb->get_parent();
  return verb->get_name();
}

}  // namespace

HelpFormat::HelpFormat(std::size_t columns) : columns_(std::min(columns, kWidest)) { label("Positionals", "Arguments"); }

std::string HelpFormat::Row(const std::string& left, const std::string& right, std::size_t column) const {
  std::string row = "  " + left;
  if (Columns(row) + 2 > column)
    row += Cat('\n', std::string(column, ' '));
  else
    row += std::string(column - Columns(row), ' ');
  return Cat(row, Wrap(right, columns_ - column, column), '\n');
}

std::string HelpFormat::make_usage(const CLI::App* app, std::string name) const {
  const bool is_verb = app->get_parent() != nullptr;
  std::string usage = Cat("usage: ", name);
  for (const CLI::Option* option : app->get_options([](const CLI::Option* o) { return o->get_positional(); }))
    usage += option->get_required() ? Cat(' ', option->get_name()) : Cat(" [", option->get_name(), ']');
  usage += is_verb ? " [flags]" : " VERB …";
  if (is_verb && app->get_name() == "run") usage += " [--] COMMAND …";
  return usage + '\n';
}

std::string HelpFormat::make_option(const CLI::Option* option, bool is_positional) const {
  std::string what = make_option_desc(option);
  if (!option->get_default_str().empty()) what += Cat(" [", option->get_default_str(), ']');
  return Row(make_option_name(option, is_positional) + make_option_opts(option), what, kFlagColumn);
}

std::string HelpFormat::make_option_opts(const CLI::Option* option) const {
  if (option->get_positional() || option->get_type_size() == 0) return {};
  return Cat(' ', option->get_type_name());
}

std::string HelpFormat::make_footer(const CLI::App* app) const {
  std::vector<std::string> lines;
  if (!app->get_footer().empty()) lines = Split(app->get_footer(), '\n');
  for (std::string& line : lines)
    if (!line.starts_with("  ")) line = Wrap(line, columns_, 0);  // else an example, to be copied whole
  if (app->get_parent()) {
    lines.push_back("Flags of all verbs: --launcher HOST:PORT, --insecure; see everstep --help.");
    lines.push_back(Wrap(Cat("A flag that is not given is taken from its variable, ", VariablePrefix(OuterVerb(app)), "FLAG."),
                         columns_, 0));
  }
  return Join(lines, "\n") + '\n';
}

std::string HelpFormat::make_subcommand(const CLI::App* verb) const {
  return Row(verb->get_name(), verb->get_description(), kVerbColumn);
}

std::string HelpFormat::make_description(const CLI::App* app) const {
  return Wrap(app->get_description(), columns_, 0) + "\n\n";
}

}  // namespace everstep
