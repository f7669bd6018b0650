// everstep job: all about one job, and what to type next.

#include <CLI/CLI.hpp>
#include <memory>

#include "base/real/clock.h"
#include "launcher/cli/verbs.h"
#include "launcher/cli/view_json.h"
#include "launcher/cli/view_text.h"

namespace everstep {

void AddJob(CLI::App& app, Cli& cli) {
  auto request = std::make_shared<GetJob>();
  CLI::App* verb = app.add_subcommand("job", "show one job: where it is, why, and what to type next");
  verb->add_option("ID", request->job.value, "a job's id, or its name: of that name the one that has not ended")->required();
  AddOutputFlags(*verb, cli, false);
  verb->callback([&cli, request] {
    cli.verb = [&cli, request]() -> Result<int> {
      EVERSTEP_ASSIGN(const JobReply reply, Ask<JobReply>(cli, *request));
      const bool json = cli.output == OutputFormat::json;
      WriteOut(json ? ViewJson(reply.job) : DescribeJob(reply.job, RealClock().Wall()));
      return exit_code::kGood;
    };
  });
}

}  // namespace everstep
