// everstep job: all about one job, and what to type next.

#include <CLI/CLI.hpp>
#include <memory>

#include "base/real/clock.h"
#include "launcher/cli/globals.h"
#include "launcher/cli/output.h"
#include "launcher/cli/verbs.h"
#include "launcher/cli/view_text.h"

namespace everstep {

void AddJob(CLI::App& app, Cli& cli) {
  auto request = std::make_shared<GetJob>();
  CLI::App* verb = app.add_subcommand("job", "show one job: where it is, why, and what to type next");
  verb->add_option("JOB", request->job.value, kJobWords)->required();
  AddReadingFlags(*verb, cli, false);
  verb->callback([&cli, request] {
    cli.verb = [&cli, request] {
      return ShowPages(cli, [&]() -> Result<Page> {
        EVERSTEP_ASSIGN(const JobReply reply, Ask<JobReply>(cli, *request));
        Page page = PageOf(cli, reply.job, [&] { return DescribeJob(reply.job, RealClock().Wall(), cli.console.out.columns); });
        page.last = Ended(reply.job.phase);
        return page;
      });
    };
  });
}

}  // namespace everstep
