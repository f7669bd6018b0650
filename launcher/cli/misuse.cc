#include "launcher/cli/misuse.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/text.h"
#include "base/yaml/typo.h"
#include "launcher/cli/globals.h"

namespace everstep {

namespace {

std::vector<const CLI::App*> VerbsIn(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* verb) { return !verb->get_group().empty(); });
}

std::vector<std::string> NamesOfVerbs(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* verb : VerbsIn(app)) names.push_back(verb->get_name());
  return names;
}

// The verb that was read, and the one inside it: `ckpt`, `verify`.
std::vector<const CLI::App*> ParsedVerbs(const CLI::App& app) {
  std::vector<const CLI::App*> verbs;
  for (const CLI::App* at = &app; !at->get_subcommands().empty(); verbs.push_back(at)) at = at->get_subcommands().front();
  return verbs;
}

// The flags and verbs that could have been meant.
std::vector<std::string> KnownWords(const CLI::App& app, const std::vector<const CLI::App*>& verbs) {
  std::vector<std::string> words;
  std::vector<const CLI::App*> all = verbs;
  all.push_back(&app);
  for (const CLI::App* from : all)
    for (const CLI::Option* option : from->get_options())
      for (const std::string& name : option->get_lnames()) words.push_back("--" + name);
  if (!verbs.empty()) return words;
  for (std::string& name : NamesOfVerbs(app)) words.push_back(std::move(name));
  return words;
}

std::string WithoutValue(const std::string& word) { return word.substr(0, word.find('=')); }

// What was not expected: a flag, if there is one, for the words behind it may be its values.
std::string Unexpected(const std::string& what) {
  const std::size_t colon = what.rfind(": ");
  std::vector<std::string> words = Split(what.substr(colon == std::string::npos ? 0 : colon + 2), ' ');
  const auto flag = std::find_if(words.begin(), words.end(), [](const std::string& word) { return word.starts_with('-'); });
  return WithoutValue(flag == words.end() ? words.front() : *flag);
}

// A flag of a verb that stands before it: "-o comes after the verb".
std::optional<Misuse> BeforeItsVerb(const CLI::App& app, const std::vector<std::string>& arguments) {
  const std::size_t verb = VerbAt(arguments);
  for (std::size_t i = 0; i < verb; ++i) {
    const std::string flag = WithoutValue(arguments[i]);
    if (!flag.starts_with('-') || app.get_option_no_throw(flag) != nullptr) continue;
    for (const CLI::App* one : VerbsIn(app)) {
      if (one->get_option_no_throw(flag) == nullptr) continue;
      const std::vector<std::string> names = NamesOfVerbs(app);
      const bool known = verb < arguments.size() && std::find(names.begin(), names.end(), arguments[verb]) != names.end();
      return Misuse{.command = "everstep",
                    .message = Cat(flag, " comes after the verb"),
                    .hint = Cat("everstep ", known ? arguments[verb] : "VERB", ' ',
                                Join({arguments.begin() + static_cast<std::ptrdiff_t>(i),
                                      arguments.begin() + static_cast<std::ptrdiff_t>(verb)},
                                     " "))};
    }
  }
  return std::nullopt;
}

// `ckpt` and a word that is none of its verbs, or no word at all.
std::optional<Misuse> WithoutInnerVerb(const CLI::App& verb, const std::string& command,
                                       const std::vector<std::string>& arguments) {
  const std::vector<std::string> names = NamesOfVerbs(verb);
  if (names.empty()) return std::nullopt;
  const auto word = std::find_if(arguments.begin() + static_cast<std::ptrdiff_t>(VerbAt(arguments)) + 1, arguments.end(),
                                 [](const std::string& text) { return !text.starts_with('-'); });
  const std::string see = Cat("see ", command, " --help");
  if (word == arguments.end())
    return Misuse{.command = command, .message = Cat(Join(names, ", ", " or "), " is required"), .hint = see};
  const std::string meant = DidYouMean(*word, names);
  return Misuse{.command = command, .message = Cat("unknown verb ", Printable(*word)), .hint = meant.empty() ? see : meant};
}

}  // namespace

std::size_t VerbAt(const std::vector<std::string>& words) {
  std::size_t i = 0;
  while (i < words.size() && words[i].starts_with('-')) i += TakesValue(words[i]) ? 2 : 1;
  return std::min(i, words.size());
}

Misuse MisuseOf(const CLI::App& app, const std::vector<std::string>& arguments, const CLI::ParseError& error) {
  if (auto before = BeforeItsVerb(app, arguments)) return *std::move(before);
  const std::vector<const CLI::App*> verbs = ParsedVerbs(app);
  std::string command = "everstep";
  for (const CLI::App* verb : verbs) command += ' ' + verb->get_name();
  if (!verbs.empty())
    if (auto inner = WithoutInnerVerb(*verbs.back(), command, arguments)) return *std::move(inner);
  Misuse misuse{.command = command, .message = error.what(), .hint = Cat("see ", command, " --help")};
  if (dynamic_cast<const CLI::ExtrasError*>(&error)) {
    const std::string word = Unexpected(misuse.message);
    misuse.message = Cat(word.starts_with('-') ? "unknown flag "
                         : verbs.empty()       ? "unknown verb "
                                               : "unexpected word ",
                         Printable(word));
    if (std::string meant = DidYouMean(word, KnownWords(app, verbs)); !meant.empty()) misuse.hint = std::move(meant);
  }
  return misuse;
}

}  // namespace everstep
