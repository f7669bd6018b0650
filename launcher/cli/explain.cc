// everstep explain: why a job is where it is, in sentences.

#include <CLI/CLI.hpp>
#include <memory>

#include "launcher/cli/verbs.h"
#include "launcher/cli/view_json.h"
#include "launcher/cli/view_text.h"

namespace everstep {

void AddExplain(CLI::App& app, Cli& cli) {
  auto request = std::make_shared<ExplainJob>();
  CLI::App* verb = app.add_subcommand("explain", "say why a job is where it is: hosts, checkpoints, restarts");
  verb->add_option("ID", request->job.value, "a job's id, or its name: of that name the one that has not ended")->required();
  AddOutputFlags(*verb, cli, false);
  verb->callback([&cli, request] {
    cli.verb = [&cli, request]() -> Result<int> {
      EVERSTEP_ASSIGN(const Explanation reply, Ask<Explanation>(cli, *request));
      if (cli.output == OutputFormat::json) {
        WriteOut(ViewJson(reply));
        return exit_code::kGood;
      }
      for (const std::string& sentence : reply.sentences) WriteOut(Printable(sentence) + "\n");
      WriteOut(Cat("\nNext: everstep ", reply.job.phase == JobPhase::running ? "logs " : "job ", reply.job.id, "\n"));
      return exit_code::kGood;
    };
  });
}

}  // namespace everstep
