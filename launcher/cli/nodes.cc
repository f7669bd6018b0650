// everstep nodes: one line a host.

#include <CLI/CLI.hpp>

#include "launcher/cli/verbs.h"
#include "launcher/cli/view_json.h"
#include "launcher/cli/view_text.h"

namespace everstep {

void AddNodes(CLI::App& app, Cli& cli) {
  CLI::App* verb = app.add_subcommand("nodes", "list hosts");
  AddOutputFlags(*verb, cli, true);
  verb->callback([&cli] {
    cli.verb = [&cli]() -> Result<int> {
      EVERSTEP_ASSIGN(const NodesReply reply, Ask<NodesReply>(cli, ListNodes{}));
      if (cli.output == OutputFormat::json)
        WriteOut(ViewJson(reply.nodes));
      else if (reply.nodes.empty())
        WriteErr("no hosts: start everstep-agent on them\n");
      else
        WriteOut(Render(NodesTable(reply.nodes), {.titles = cli.titles, .columns = cli.console.out.columns}));
      return exit_code::kGood;
    };
  });
}

}  // namespace everstep
