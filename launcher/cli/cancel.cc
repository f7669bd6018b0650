// everstep cancel: ends a job, with its grace or at once.

#include <CLI/CLI.hpp>
#include <memory>

#include "launcher/cli/verbs.h"

namespace everstep {

void AddCancel(CLI::App& app, Cli& cli) {
  auto request = std::make_shared<CancelJob>();
  CLI::App* verb = app.add_subcommand("cancel", "end a job: SIGTERM, its stop_grace, then SIGKILL to all that is left");
  verb->add_option("ID", request->job.value, "a job's id, or its name: the newest of that name")->required();
  verb->add_flag("--now", request->now, "SIGKILL at once");
  verb->callback([&cli, request] {
    cli.verb = [&cli, request]() -> Result<int> {
      request->by = Requester();
      EVERSTEP_ASSIGN(const Accepted reply, Ask<Accepted>(cli, *request));
      WriteErr(Cat(Printable(reply.why), "\n"));
      return exit_code::kGood;
    };
  });
}

}  // namespace everstep
