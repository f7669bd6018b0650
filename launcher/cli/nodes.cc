// everstep nodes: one line a host.

#include <CLI/CLI.hpp>
#include <memory>

#include "launcher/cli/globals.h"
#include "launcher/cli/node_names.h"
#include "launcher/cli/output.h"
#include "launcher/cli/verbs.h"
#include "launcher/cli/view_text.h"

namespace everstep {

namespace {

Result<Page> NodesPage(const Cli& cli, const std::vector<std::string>& lists) {
  EVERSTEP_ASSIGN(NodesReply reply, Ask<NodesReply>(cli, ListNodes{}));
  if (!lists.empty()) {
    EVERSTEP_ASSIGN(reply.nodes, NodesNamed(reply.nodes, lists));
  }
  Page page = PageOf(cli, reply.nodes, [&]() -> std::string {
    if (reply.nodes.empty()) return {};
    const bool wide = cli.output == OutputFormat::wide;
    return Render(NodesTable(reply.nodes, wide), StyleOf(cli));
  });
  if (reply.nodes.empty() && ForPeople(cli.output)) page.notice = "no hosts: start everstep-agent on them\n";
  page.identity = NodesIdentity(reply.nodes);
  return page;
}

}  // namespace

void AddNodes(CLI::App& app, Cli& cli) {
  auto lists = std::make_shared<std::vector<std::string>>();
  CLI::App* verb = app.add_subcommand("nodes", "list hosts");
  verb->add_option("HOST", *lists, "only these; a name or a list such as n[0-3,7]");
  AddReadingFlags(*verb, cli, true);
  verb->callback(
      [&cli, lists] { cli.verb = [&cli, lists] { return ShowPages(cli, [&] { return NodesPage(cli, *lists); }); }; });
}

}  // namespace everstep
