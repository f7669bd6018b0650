// everstep wait: returns when a job has ended, with the job's own exit code.

#include <CLI/CLI.hpp>
#include <memory>

#include "base/yaml/quantity.h"
#include "launcher/cli/follow.h"
#include "launcher/cli/verbs.h"
#include "launcher/cli/view_json.h"
#include "launcher/core/status.h"

namespace everstep {

namespace {

struct WaitFlags {
  std::string job{};
  std::string timeout{};
};

Result<int> Wait(const Cli& cli, const WaitFlags& flags) {
  std::optional<Duration> timeout;
  if (!flags.timeout.empty()) {
    const auto parsed = ParseDuration(flags.timeout);
    if (!parsed)
      return Fail(ErrorCode::kInvalid,
                  Cat("--timeout: found ", parsed.error().message, ", legal: a duration such as 90s or 10min"),
                  parsed.error().hint);
    timeout = *parsed;
  }
  EVERSTEP_ASSIGN(const auto job, AwaitJob(cli, JobId(flags.job), timeout));
  if (!job) {
    WriteErr(Cat(flags.job, " has not ended within ", flags.timeout, '\n'));
    return exit_code::kTimeout;
  }
  if (cli.output == OutputFormat::json)
    WriteOut(ViewJson(*job));
  else
    WriteErr(Cat(job->id, ' ', Printable(PhaseAndWhy(*job)), '\n'));
  return ExitCodeOf(*job);
}

}  // namespace

void AddWait(CLI::App& app, Cli& cli) {
  auto flags = std::make_shared<WaitFlags>();
  CLI::App* verb = app.add_subcommand("wait", "wait until a job has ended; returns its exit code, 124 on time-out");
  verb->add_option("ID", flags->job, "a job's id, or its name: of that name the one that has not ended")->required();
  verb->add_option("--timeout", flags->timeout, "give up after this long: 90s, 10min, 6h")->type_name("DURATION");
  AddOutputFlags(*verb, cli, false);
  verb->callback([&cli, flags] { cli.verb = [&cli, flags] { return Wait(cli, *flags); }; });
}

}  // namespace everstep
