// everstep top: the cluster on one screen, jobs above hosts, for as long as somebody looks.

#include <CLI/CLI.hpp>

#include "base/real/clock.h"
#include "launcher/cli/globals.h"
#include "launcher/cli/output.h"
#include "launcher/cli/verbs.h"
#include "launcher/cli/view_text.h"

namespace everstep {

namespace {

Result<Page> TopPage(const Cli& cli) {
  EVERSTEP_ASSIGN(const InfoReply info, Ask<InfoReply>(cli, GetInfo{}));
  EVERSTEP_ASSIGN(const JobsReply jobs, Ask<JobsReply>(cli, ListJobs{}));
  EVERSTEP_ASSIGN(const NodesReply nodes, Ask<NodesReply>(cli, ListNodes{}));
  Page page;
  page.text = Cat(info.cluster, ": ", info.nodes_ready, " of ", Count(info.nodes, "node"), " ready, ",
                  Count(jobs.jobs.size(), "job"), "\n\n");
  if (!jobs.jobs.empty()) page.text += Render(JobsTable(jobs.jobs, RealClock().Wall()), StyleOf(cli)) + '\n';
  page.text += nodes.nodes.empty() ? "no hosts: start everstep-agent on them\n" : Render(NodesTable(nodes.nodes), StyleOf(cli));
  page.identity = page.text;
  return page;
}

}  // namespace

void AddTop(CLI::App& app, Cli& cli) {
  CLI::App* verb = app.add_subcommand("top", "show jobs and hosts on one screen, and go on showing them");
  verb->footer("Ctrl-C ends. Into a pipe or a file it is written once; everstep jobs and everstep nodes have more forms.");
  verb->callback([&cli] {
    cli.verb = [&cli] {
      cli.watch = cli.console.out.attended;
      return ShowPages(cli, [&cli] { return TopPage(cli); });
    };
  });
}

}  // namespace everstep
