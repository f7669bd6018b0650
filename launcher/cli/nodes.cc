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

struct NodesFlags {
  std::vector<std::string> lists{};
  std::string why_not{};
};

Result<Page> NodesPage(const Cli& cli, const NodesFlags& flags) {
  EVERSTEP_ASSIGN(NodesReply reply, Ask<NodesReply>(cli, ListNodes{.why_not = JobId(flags.why_not)}));
  if (!flags.lists.empty()) {
    EVERSTEP_ASSIGN(reply.nodes, NodesNamed(reply.nodes, flags.lists));
  }
  Page page = PageOf(cli, reply.nodes, [&]() -> std::string {
    if (reply.nodes.empty()) return {};
    const bool wide = cli.output == OutputFormat::wide;
    if (!flags.why_not.empty()) return Render(WhyNotTable(reply.nodes), StyleOf(cli));
    return Render(NodesTable(reply.nodes, wide), StyleOf(cli));
  });
  if (reply.nodes.empty() && ForPeople(cli.output)) page.notice = "no hosts: start everstep-agent on them\n";
  page.identity = NodesIdentity(reply.nodes);
  return page;
}

}  // namespace

void AddNodes(CLI::App& app, Cli& cli) {
  auto flags = std::make_shared<NodesFlags>();
  CLI::App* verb = app.add_subcommand("nodes", "list hosts");
  verb->add_option("HOST", flags->lists, "only these; a name or a list such as n[0-3,7]");
  verb->add_option("--why-not", flags->why_not, "say of each why this job cannot have it now")->type_name("JOB");
  AddReadingFlags(*verb, cli, true);
  verb->callback(
      [&cli, flags] { cli.verb = [&cli, flags] { return ShowPages(cli, [&] { return NodesPage(cli, *flags); }); }; });
}

}  // namespace everstep
