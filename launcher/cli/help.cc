// everstep help: what --help prints, asked for as a verb.

#include <CLI/CLI.hpp>
#include <memory>

#include "base/text.h"
#include "base/yaml/typo.h"
#include "launcher/cli/verbs.h"

namespace everstep {

namespace {

Result<int> Help(const CLI::App& app, const std::vector<std::string>& words) {
  const CLI::App* verb = &app;
  std::string command;  // what stands before the verb
  for (const std::string& word : words) {
    const auto inside = verb->get_subcommands([](const CLI::App* one) { return !one->get_group().empty(); });
    std::vector<std::string> names;
    for (const CLI::App* one : inside) names.push_back(one->get_name());
    const auto found = std::find(names.begin(), names.end(), word);
    command += (command.empty() ? "" : " ") + verb->get_name();
    if (found == names.end()) {
      const std::string meant = DidYouMean(word, names);
      return Fail(ErrorCode::kInvalid, Cat("unknown verb ", Printable(word)),
                  meant.empty() ? Cat("see ", command, " --help") : meant);
    }
    verb = inside[static_cast<std::size_t>(found - names.begin())];
  }
  WriteOut(app.get_formatter()->make_help(verb, Cat(command, command.empty() ? "" : " ", verb->get_name()),
                                          CLI::AppFormatMode::Normal));
  return exit_code::kGood;
}

}  // namespace

void AddHelp(CLI::App& app, Cli& cli) {
  auto words = std::make_shared<std::vector<std::string>>();
  CLI::App* verb = app.add_subcommand("help", "show the flags of a verb, or all verbs");
  verb->add_option("VERB", *words, "whose help [everstep's own]");
  verb->callback([&app, &cli, words] { cli.verb = [&app, words] { return Help(app, *words); }; });
}

}  // namespace everstep
