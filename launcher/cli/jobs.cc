// everstep jobs: one line a job.

#include <CLI/CLI.hpp>
#include <memory>

#include "base/real/clock.h"
#include "launcher/cli/flags.h"
#include "launcher/cli/globals.h"
#include "launcher/cli/output.h"
#include "launcher/cli/verbs.h"
#include "launcher/cli/view_text.h"

namespace everstep {

namespace {

Result<Page> JobsPage(const Cli& cli, const ListJobs& request) {
  EVERSTEP_ASSIGN(const JobsReply reply, Ask<JobsReply>(cli, request));
  Page page = PageOf(cli, reply.jobs, [&]() -> std::string {
    if (reply.jobs.empty()) return {};
    const bool wide = cli.output == OutputFormat::wide;
    return Render(JobsTable(reply.jobs, RealClock().Wall(), wide), StyleOf(cli));
  });
  if (reply.jobs.empty() && ForPeople(cli.output))
    page.notice = request.ended ? "no jobs\n" : "no jobs that have not ended; everstep jobs --all shows the others\n";
  return page;
}

}  // namespace

void AddJobs(CLI::App& app, Cli& cli) {
  auto request = std::make_shared<ListJobs>();
  CLI::App* verb = app.add_subcommand("jobs", "list jobs");
  verb->add_flag("-a,--all", request->ended, "also those that have ended");
  verb->add_option("--max", request->rows_max, "at most so many, newest first")
      ->type_name("N")
      ->check(Between(1, 10000))
      ->capture_default_str();
  AddReadingFlags(*verb, cli, true);
  verb->callback(
      [&cli, request] { cli.verb = [&cli, request] { return ShowPages(cli, [&] { return JobsPage(cli, *request); }); }; });
}

}  // namespace everstep
