// everstep schema: the files that people write, as JSON schemas for editors.

#include <CLI/CLI.hpp>
#include <memory>

#include "launcher/cli/flags.h"
#include "launcher/cli/sibling.h"
#include "launcher/cli/verbs.h"
#include "launcher/config/job_file.h"

namespace everstep {

namespace {

constexpr const char* kSchemaFooter =
    "Editors with the YAML language server check and complete a file against its schema when the first line names it:\n"
    "\n"
    "  everstep schema job > job.schema.json\n"
    "  # yaml-language-server: $schema=job.schema.json\n";

}  // namespace

void AddSchema(CLI::App& app, Cli& cli) {
  auto which = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("schema", "print the JSON schema of a file, for editors");
  verb->add_option("WHICH", *which, "job: job.yaml; launcher: launcher.yaml; agent: agent.yaml")
      ->required()
      ->check(OneOf({"job", "launcher", "agent"}))
      ->type_name("job|launcher|agent");
  verb->footer(kSchemaFooter);
  verb->callback([&cli, which] {
    cli.verb = [&cli, which]() -> Result<int> {
      if (*which != "job") return BecomeSibling(cli, Cat("everstep-", *which), {"--print-schema"});
      WriteOut(yaml::PrettySchema("job", yaml::SchemaOf(JobFileTable())));
      return exit_code::kGood;
    };
  });
}

}  // namespace everstep
