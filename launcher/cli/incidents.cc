// everstep incidents: what broke, who was to blame, what it cost, and how it went on.

#include <CLI/CLI.hpp>
#include <memory>

#include "base/real/clock.h"
#include "launcher/cli/flags.h"
#include "launcher/cli/globals.h"
#include "launcher/cli/incident_text.h"
#include "launcher/cli/output.h"
#include "launcher/cli/verbs.h"

namespace everstep {

namespace {

Result<Page> IncidentsPage(const Cli& cli, const ListIncidents& request) {
  EVERSTEP_ASSIGN(const IncidentsReply reply, Ask<IncidentsReply>(cli, request));
  Page page = PageOf(cli, reply.incidents, [&]() -> std::string {
    if (reply.incidents.empty()) return {};
    const WallTime now = RealClock().Wall();
    if (!request.job.empty() && cli.output == OutputFormat::table)
      return DescribeIncidents(reply.incidents, now, cli.console.out.columns);
    TableStyle style = StyleOf(cli);
    style.wrap = true;
    return Render(IncidentsTable(reply.incidents, now, cli.output == OutputFormat::wide), style);
  });
  if (reply.incidents.empty() && ForPeople(cli.output)) page.notice = "no incidents\n";
  return page;
}

}  // namespace

void AddIncidents(CLI::App& app, Cli& cli) {
  auto request = std::make_shared<ListIncidents>();
  CLI::App* verb = app.add_subcommand("incidents", "show what broke: cause, host, rank, what was lost, how it went on");
  verb->add_option("JOB", request->job.value, "all about those of this job; else a line for each of any job");
  verb->add_option("--node", request->node.value, "that this host is to blame for")->type_name("HOST");
  verb->add_option("--max", request->rows_max, "at most so many, the newest")
      ->type_name("N")
      ->check(Between(1, 100000))
      ->capture_default_str();
  AddReadingFlags(*verb, cli, true);
  verb->callback(
      [&cli, request] { cli.verb = [&cli, request] { return ShowPages(cli, [&] { return IncidentsPage(cli, *request); }); }; });
}

}  // namespace everstep
