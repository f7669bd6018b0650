// everstep jobs: one line a job.

#include <CLI/CLI.hpp>
#include <memory>

#include "base/real/clock.h"
#include "launcher/cli/flags.h"
#include "launcher/cli/verbs.h"
#include "launcher/cli/view_json.h"
#include "launcher/cli/view_text.h"

namespace everstep {

namespace {

Result<int> Jobs(const Cli& cli, const ListJobs& request) {
  EVERSTEP_ASSIGN(const JobsReply reply, Ask<JobsReply>(cli, request));
  if (cli.output == OutputFormat::json) {
    WriteOut(ViewJson(reply.jobs));
  } else if (reply.jobs.empty()) {
    WriteErr(request.ended ? "no jobs\n" : "no jobs that have not ended; everstep jobs --all shows the others\n");
  } else {
    WriteOut(Render(JobsTable(reply.jobs, RealClock().Wall()), {.titles = cli.titles, .columns = cli.console.out.columns}));
  }
  return exit_code::kGood;
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
  AddOutputFlags(*verb, cli, true);
  verb->callback([&cli, request] { cli.verb = [&cli, request] { return Jobs(cli, *request); }; });
}

}  // namespace everstep
