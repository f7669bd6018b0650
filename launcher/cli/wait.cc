// everstep wait: returns when jobs have ended, with the exit code of the first one that is not 0.

#include <CLI/CLI.hpp>
#include <memory>

#include "base/real/clock.h"
#include "base/yaml/quantity.h"
#include "launcher/cli/follow.h"
#include "launcher/cli/globals.h"
#include "launcher/cli/host_list.h"
#include "launcher/cli/output.h"
#include "launcher/cli/verbs.h"
#include "launcher/core/status.h"

namespace everstep {

namespace {

struct WaitFlags {
  std::vector<std::string> jobs{};
  std::string timeout{};
};

// Waits for the jobs in turn; nullopt: not all have ended in time, and `why` says which one.
Result<std::optional<std::vector<JobView>>> AwaitAll(const Cli& cli, const std::vector<std::string>& jobs,
                                                     std::optional<Duration> timeout, std::string& why) {
  RealClock clock;
  const Time begin = clock.Now();
  std::vector<JobView> ended;
  for (const std::string& job : jobs) {
    const auto left = timeout ? std::optional(std::max<Duration>(0s, *timeout - (clock.Now() - begin))) : std::nullopt;
    EVERSTEP_ASSIGN(Awaited awaited, AwaitJob(cli, JobId(job), left));
    if (!awaited.ended) {
      const std::string within = Cat(" within ", WriteDuration(timeout.value_or(0s)));
      why = awaited.unheard ? Cat("nobody answered", within, ": whether ", job, " has ended is not known")
                            : Cat(job, " has not ended", within);
      return std::optional<std::vector<JobView>>();
    }
    if (ForPeople(cli.output)) WriteErr(Cat(awaited.ended->id, ' ', Printable(PhaseAndWhy(*awaited.ended)), '\n'));
    ended.push_back(*std::move(awaited.ended));
  }
  return std::optional(std::move(ended));
}

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
  EVERSTEP_ASSIGN(const auto names, ExpandHostLists(flags.jobs));
  std::string why;
  EVERSTEP_ASSIGN(const auto jobs, AwaitAll(cli, names, timeout, why));
  if (!jobs) {
    WriteErr(Cat(why, '\n'));
    return exit_code::kTimeout;
  }
  if (!ForPeople(cli.output)) WriteOut(jobs->size() == 1 ? ViewData(cli.output, jobs->front()) : ViewData(cli.output, *jobs));
  for (const JobView& job : *jobs)
    if (const int code = ExitCodeOf(job); code != exit_code::kGood) return code;
  return exit_code::kGood;
}

}  // namespace

void AddWait(CLI::App& app, Cli& cli) {
  auto flags = std::make_shared<WaitFlags>();
  CLI::App* verb =
      app.add_subcommand("wait", "wait until jobs have ended; returns the first exit code that is not 0, 124 on time-out");
  verb->add_option("JOB", flags->jobs, "ids or names of jobs, or lists such as train-[1-3]")->required();
  verb->add_option("--timeout", flags->timeout, "give up after this long: 90s, 10min, 6h")->type_name("DURATION");
  AddOutputFlags(*verb, cli, false);
  verb->callback([&cli, flags] { cli.verb = [&cli, flags] { return Wait(cli, *flags); }; });
}

}  // namespace everstep
