#include "launcher/cli/surface.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/text.h"

namespace everstep {

namespace {

FlagWords WordsOf(const CLI::Option* option) {
  FlagWords flag{.about = option->get_description(),
                 .standard = option->get_default_str(),
                 .group = option->get_group(),
                 .required = option->get_required()};
  const std::string type = option->get_type_name();
  if (option->get_positional()) {
    flag.names = {option->get_name()};
    flag.value = type.empty() || type == "TEXT" ? flag.names.front() : type;
    return flag;
  }
  for (const std::string& name : option->get_snames()) flag.names.push_back("-" + name);
  for (const std::string& name : option->get_lnames()) flag.names.push_back("--" + name);
  if (option->get_items_expected_max() > 0) flag.value = type;
  return flag;
}

std::vector<FlagWords> FlagsOf(const CLI::App& app, bool positional) {
  std::vector<FlagWords> flags;
  for (const CLI::Option* option : app.get_options())
    if (option->get_positional() == positional && !option->get_group().empty()) flags.push_back(WordsOf(option));
  return flags;
}

// `everstep ckpt ls|verify`: what it may do is its first argument; the flags of all that are its own.
void AddInner(const CLI::App& verb, VerbWords& words) {
  const auto inner = verb.get_subcommands([](const CLI::App*) { return true; });
  if (inner.empty()) return;
  std::vector<std::string> names, about;
  for (const CLI::App* one : inner) {
    names.push_back(one->get_name());
    about.push_back(Cat(one->get_name(), ": ", one->get_description()));
    for (FlagWords& flag : FlagsOf(*one, false)) {
      const auto same = [&](const FlagWords& known) { return known.names == flag.names; };
      if (std::none_of(words.flags.begin(), words.flags.end(), same)) words.flags.push_back(std::move(flag));
    }
  }
  words.arguments = FlagsOf(*inner.back(), true);  // of `verify`: it takes what `ls` takes, and more
  words.arguments.insert(
      words.arguments.begin(),
      {.names = {"WHAT"}, .value = Join(names, "|"), .about = Join(about, "; "), .group = "Options", .required = true});
}

bool IsWord(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; });
}

}  // namespace

Surface SurfaceOf(const CLI::App& app) {
  Surface surface{.about = app.get_description(), .footer = app.get_footer(), .flags = FlagsOf(app, false)};
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App* one) { return !one->get_group().empty(); })) {
    surface.verbs.push_back({.name = verb->get_name(),
                             .about = verb->get_description(),
                             .group = verb->get_group(),
                             .footer = verb->get_footer(),
                             .arguments = FlagsOf(*verb, true),
                             .flags = FlagsOf(*verb, false)});
    VerbWords& words = surface.verbs.back();
    AddInner(*verb, words);
    std::erase_if(words.flags, [&](const FlagWords& flag) {  // --help is of every verb
      return std::any_of(surface.flags.begin(), surface.flags.end(),
                         [&](const FlagWords& common) { return common.names == flag.names; });
    });
    if (words.name == "cancel" || words.name == "drill")  // what has ended cannot be
      words.arguments.back().value = "OPEN_JOB";
  }
  return surface;
}

ValueWords ValueOf(std::string_view value) {
  if (value == "FILE" || value == "PATH") return {.kind = Completes::files};
  if (value == "DIR") return {.kind = Completes::directories};
  if (value == "HOST") return {.kind = Completes::hosts};
  if (value == "OPEN_JOB") return {.kind = Completes::open_jobs};
  if (value == "JOB") return {.kind = Completes::jobs};
  if (value == "VERB") return {.kind = Completes::verbs};
  ValueWords words{.kind = Completes::words};
  for (std::string& word : Split(value, '|'))
    if (IsWord(word)) words.words.push_back(std::move(word));
  return words.words.empty() ? ValueWords{} : words;
}

}  // namespace everstep
