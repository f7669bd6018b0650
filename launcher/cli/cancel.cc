// everstep cancel: ends a job, with its grace or at once.

#include <CLI/CLI.hpp>
#include <memory>

#include "launcher/cli/verbs.h"
#include "launcher/cli/view_json.h"

namespace everstep {

struct Cancelled {
  JobId job{};
  std::string why{};
};
EVERSTEP_FIELDS(Cancelled, job, why)

void AddCancel(CLI::App& app, Cli& cli) {
  auto request = std::make_shared<CancelJob>();
  CLI::App* verb = app.add_subcommand("cancel", "end a job: SIGTERM, its stop_grace, then SIGKILL to all that is left");
  verb->add_option("ID", request->job.value, "a job's id, or its name: of that name the one that has not ended")->required();
  verb->add_flag("--now", request->now, "SIGKILL at once");
  AddOutputFlags(*verb, cli, false);
  verb->callback([&cli, request] {
    cli.verb = [&cli, request]() -> Result<int> {
      request->by = Requester();
      EVERSTEP_ASSIGN(const auto client, Connect(cli));
      EVERSTEP_ASSIGN(const JobReply found, Ask<JobReply>(*client, GetJob{.job = request->job}));
      request->job = found.job.id;  // a name could come to mean another one
      EVERSTEP_ASSIGN(const Accepted reply, Ask<Accepted>(*client, *request));
      if (cli.output == OutputFormat::json)
        WriteOut(ViewJson(Cancelled{.job = request->job, .why = reply.why}));
      else
        WriteErr(Cat(Printable(reply.why), "\n"));
      return exit_code::kGood;
    };
  });
}

}  // namespace everstep
