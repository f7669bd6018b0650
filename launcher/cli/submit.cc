// everstep submit: hands a job file to the launcher and prints the job's id, nothing else, on stdout.

#include <CLI/CLI.hpp>
#include <memory>

#include "launcher/cli/globals.h"
#include "launcher/cli/job_input.h"
#include "launcher/cli/output.h"
#include "launcher/cli/submission.h"
#include "launcher/cli/verbs.h"

namespace everstep {

namespace {

struct SubmitFlags {
  std::string file{};
  bool dry_run = false;
};

Result<int> SubmitFile(const Cli& cli, const SubmitFlags& flags) {
  EVERSTEP_ASSIGN(const JobSpec spec, ReadJob(cli, flags.file));
  if (flags.dry_run) {
    EVERSTEP_TRY(ShowDryRun(cli, spec));
    return exit_code::kGood;
  }
  EVERSTEP_ASSIGN(const auto client, Connect(cli));
  EVERSTEP_ASSIGN(const Submitted submitted, Submit(*client, spec));
  WriteErr(Cat(Printable(submitted.why), '\n'));
  WriteOut(ForPeople(cli.output) ? submitted.job.value + "\n" : ViewData(cli.output, submitted));
  return exit_code::kGood;
}

}  // namespace

void AddSubmit(CLI::App& app, Cli& cli) {
  auto flags = std::make_shared<SubmitFlags>();
  CLI::App* verb = app.add_subcommand("submit", "queue the job of a job file; prints its id");
  verb->add_option("FILE", flags->file, "job.yaml, or - for stdin")->required();
  verb->add_flag("--dry-run", flags->dry_run, "print the job as it would be submitted, and do nothing");
  AddOutputFlags(*verb, cli, false);
  verb->callback([&cli, flags] { cli.verb = [&cli, flags] { return SubmitFile(cli, *flags); }; });
}

}  // namespace everstep
