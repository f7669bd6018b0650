// everstep cancel: ends a job, with its grace or at once.

#include <CLI/CLI.hpp>
#include <memory>

#include "launcher/cli/globals.h"
#include "launcher/cli/output.h"
#include "launcher/cli/verbs.h"

namespace everstep {

struct Cancelled {
  JobId job{};
  std::string why{};
};
EVERSTEP_FIELDS(Cancelled, job, why)

namespace {

struct CancelFlags {
  CancelJob request{};
  bool dry_run = false;
};

Result<int> Cancel(const Cli& cli, const CancelFlags& flags) {
  CancelJob request = flags.request;
  request.by = Requester();
  EVERSTEP_ASSIGN(const auto client, Connect(cli));
  EVERSTEP_ASSIGN(const JobReply found, Ask<JobReply>(*client, GetJob{.job = request.job}));
  const JobView& job = found.job;
  request.job = job.id;  // a name could come to mean another one
  if (flags.dry_run && !Ended(job.phase)) {
    WriteErr(Cat("would cancel ", job.id, ", which is ", Name(job.phase),
                 job.hosts.empty() ? "" : Cat(" on ", Count(job.hosts.size(), "host")),
                 request.now ? ": SIGKILL at once" : ": SIGTERM, its stop_grace, then SIGKILL to all that is left",
                 "; nothing was changed\n"));
    return exit_code::kGood;
  }
  EVERSTEP_ASSIGN(const Accepted reply, Ask<Accepted>(*client, request));
  if (!ForPeople(cli.output)) WriteOut(ViewData(cli.output, Cancelled{.job = request.job, .why = reply.why}));
  if (ForPeople(cli.output)) WriteErr(Cat(Printable(reply.why), "\n"));
  return exit_code::kGood;
}

}  // namespace

void AddCancel(CLI::App& app, Cli& cli) {
  auto flags = std::make_shared<CancelFlags>();
  CLI::App* verb = app.add_subcommand("cancel", "end a job: SIGTERM, its stop_grace, then SIGKILL to all that is left");
  verb->add_option("JOB", flags->request.job.value, kJobWords)->required();
  verb->add_flag("--now", flags->request.now, "SIGKILL at once");
  verb->add_flag("--dry-run", flags->dry_run, "say what would be done, and do nothing");
  AddOutputFlags(*verb, cli, false);
  verb->callback([&cli, flags] { cli.verb = [&cli, flags] { return Cancel(cli, *flags); }; });
}

}  // namespace everstep
