// everstep down: ends the cluster of `everstep up`.

#include <CLI/CLI.hpp>
#include <memory>

#include "launcher/cli/local_cluster.h"
#include "launcher/cli/local_end.h"
#include "launcher/cli/verbs.h"

namespace everstep {

void AddDown(CLI::App& app, Cli& cli) {
  auto options = std::make_shared<EndOptions>();
  CLI::App* verb = app.add_subcommand("down", "end the cluster of `everstep up`, its jobs first");
  verb->add_option("--state", options->directory, "where the cluster lives (see up --help)")->type_name("DIR");
  verb->add_flag("--now", options->now, "kill the jobs at once");
  verb->add_flag("--dry-run", options->dry_run, "say what would be ended, and do nothing");
  verb->callback([&cli, options] {
    cli.verb = [&cli, options]() -> Result<int> {
      Interrupts interrupts;
      if (options->directory.empty()) {
        EVERSTEP_ASSIGN(options->directory, LocalDirectory(cli.environment()));
      }
      EVERSTEP_TRY(yaml::MakeAbsolute(options->directory));
      EVERSTEP_TRY(EndLocalCluster(*options, interrupts));
      return exit_code::kGood;
    };
  });
}

}  // namespace everstep
