// everstep explain: why a job is where it is, in sentences.

#include <CLI/CLI.hpp>
#include <memory>

#include "launcher/cli/globals.h"
#include "launcher/cli/output.h"
#include "launcher/cli/verbs.h"
#include "launcher/cli/view_text.h"

namespace everstep {

namespace {

// A sentence goes on two blanks further in, so that where the next one begins is seen.
std::string Sentences(const Explanation& explanation, std::optional<std::size_t> columns) {
  std::string text;
  for (const std::string& sentence : explanation.sentences)
    text += Cat(columns ? Wrap(Printable(sentence), *columns - 2, 2) : Printable(sentence), '\n');
  const std::string next = NextOf(explanation.job);
  const bool this_one = next == Cat("everstep explain ", explanation.job.id);
  return next.empty() || this_one ? text : Cat(text, "\nNext: ", next, '\n');
}

}  // namespace

void AddExplain(CLI::App& app, Cli& cli) {
  auto request = std::make_shared<ExplainJob>();
  CLI::App* verb = app.add_subcommand("explain", "say why a job is where it is: hosts, checkpoints, restarts");
  verb->add_option("JOB", request->job.value, kJobWords)->required();
  AddReadingFlags(*verb, cli, false);
  verb->callback([&cli, request] {
    cli.verb = [&cli, request] {
      return ShowPages(cli, [&]() -> Result<Page> {
        EVERSTEP_ASSIGN(const Explanation reply, Ask<Explanation>(cli, *request));
        Page page = PageOf(cli, reply, [&] { return Sentences(reply, cli.console.out.columns); });
        page.last = Ended(reply.job.phase);
        return page;
      });
    };
  });
}

}  // namespace everstep
