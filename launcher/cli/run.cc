// everstep run: torchrun's habits on the outside; submits a job, follows it, and ends with its exit code.

#include <CLI/CLI.hpp>
#include <memory>
#include <thread>

#include "launcher/cli/flags.h"
#include "launcher/cli/follow.h"
#include "launcher/cli/job_input.h"
#include "launcher/cli/run_spec.h"
#include "launcher/cli/submission.h"
#include "launcher/cli/torchrun_flags.h"
#include "launcher/cli/verbs.h"

namespace everstep {

namespace {

constexpr const char* kRunFooter =
    "torchrun's flags are understood, with - and with _. A lone script.py is run as python3 -u script.py. PATH, HOME, USER, "
    "LANG, VIRTUAL_ENV, CONDA_*, PYTHONPATH, "
    "LD_LIBRARY_PATH, OMP_* and OPENBLAS_* go along. Ctrl-C cancels with grace, a second one kills; a lost terminal leaves the "
    "job running. Returns the job's exit code, 125 when run itself was misused or failed.\n"
    "\n"
    "  everstep run --nnodes 3 --spares 1 -- python3 train.py --epochs 3\n"
    "  everstep run --mpi --nnodes 3 --nproc-per-node 2 ./a.out\n"
    "  everstep run --nnodes 2 --checkpoint-dir ckpt \\\n"
    "      --resume-arg=--resume --resume-arg={resume} train.py\n";

struct Flags {
  RunFlags spec{};
  TorchrunFlags torchrun{};
  bool dry_run = false;
};

// What a flag of torchrun means here, where that is not what it means there.
void Explain(const TorchrunFlags& flags) {
  WriteErr(WhyIgnored(flags.ignored));
  if (flags.log_dir.empty() && (flags.redirects != "0" || flags.tee != "0"))
    WriteErr("without --log-dir nothing is filed here; the hosts keep all output: everstep logs\n");
}

Result<int> Run(const Cli& cli, Flags& flags) {
  flags.spec.command = cli.command;
  const std::uint32_t cpus = std::max(1u, std::thread::hardware_concurrency());
  EVERSTEP_ASSIGN(const JobSpec spec,
                  SpecOf(flags.spec, {.environment = cli.variables, .directory = cli.directory, .cpus = cpus}));
  EVERSTEP_ASSIGN(const OutputChoice output, OutputOf(flags.torchrun, cli.directory));
  Explain(flags.torchrun);
  if (flags.dry_run) {
    EVERSTEP_TRY(ShowDryRun(cli, spec));
    return exit_code::kGood;
  }
  Interrupts interrupts;
  EVERSTEP_ASSIGN(const auto client, Connect(cli));
  EVERSTEP_ASSIGN(const InfoReply before, Ask<InfoReply>(*client, GetInfo{}));
  EVERSTEP_ASSIGN(const Submitted submitted, Submit(*client, spec));
  EVERSTEP_ASSIGN(const auto job,
                  FollowJob(cli, {.job = submitted.job, .events_after = before.index, .output = output}, interrupts));
  if (!job) {
    WriteErr(Cat("left ", submitted.job, " to the launcher: everstep job ", submitted.job, '\n'));
    return exit_code::kRunFailed;
  }
  return ExitCodeOf(*job);
}

// torchrun's MIN:MAX where both are the same; an elastic job is an error with the way out.
std::string SameTwice(std::string& text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos) return {};
  const std::string least = text.substr(0, colon), most = text.substr(colon + 1);
  if (least != most)
    return Cat("found \"", Printable(text), "\", but jobs that grow and shrink are not there yet: write --nnodes ",
               Printable(most));
  text = most;
  return {};
}

// How the command is run.
void AddCommandFlags(CLI::App& verb, RunFlags& flags) {
  verb.add_option("--workdir", flags.workdir, "where the ranks run [here]")->type_name("DIR");
  verb.add_option("--checkpoint-dir", flags.checkpoint_dir, "where the script saves, seen by every host")->type_name("DIR");
  verb.add_option("--resume-arg", flags.resume_args,
                  "added to the command when there is a checkpoint, {resume} being its path; may be repeated")
      ->type_name("ARG")
      ->take_all();
  verb.add_option("--env", flags.env, "for the ranks; without a value: as it is here; may be repeated")
      ->type_name("NAME[=VALUE]")
      ->take_all();
  verb.add_option("--env-from", flags.env_from, "file of NAME=value lines, read on the hosts, never stored: for secrets")
      ->type_name("FILE")
      ->take_all();
  verb.add_option("--time-limit", flags.time_limit, "from its first start on: then it is stopped, code 124 [none]")
      ->type_name("DURATION");
  verb.add_option("--stop-grace", flags.stop_grace, "from SIGTERM to SIGKILL [60s]")->type_name("DURATION");
  verb.add_flag("--mpi", flags.mpi, "the command is an MPI program: mpirun starts it on these hosts, without ssh");
  verb.add_flag("-m,--module", flags.module, "the command is a Python module");
  verb.add_flag("--no-python", flags.no_python, "the command is run as it is, also when it is a script.py");
}

}  // namespace

void AddRun(CLI::App& app, Cli& cli) {
  auto all = std::make_shared<Flags>();
  RunFlags* flags = &all->spec;
  CLI::App* verb = app.add_subcommand("run", "run a command on several hosts and follow it");
  verb->add_option("--nnodes", flags->nodes, "hosts")
      ->type_name("N")
      ->transform(CLI::Validator(SameTwice, ""))
      ->check(Between(1, 16384))
      ->capture_default_str();
  verb->add_option("--nproc-per-node", flags->processes, "ranks on each host; auto and gpu: one for each accelerator, else 1")
      ->type_name("N|auto|gpu|cpu")
      ->capture_default_str();
  verb->add_option("--max-restarts", flags->restarts_max, "restarts allowed within 6 hours [10]")
      ->type_name("N")
      ->check(Between(0, 10000));
  verb->add_option("--spares", flags->spares, "hosts kept idle for this job")
      ->type_name("N")
      ->check(Between(0, 16384))
      ->capture_default_str();
  verb->add_option("--hosts", flags->hosts, "only these are taken: names, or a list such as n[1-3]")->type_name("HOST");
  verb->add_option("--preflight", flags->preflight,
                   "each host and the network between them, checked before the ranks start; auto: as the launcher's file says")
      ->type_name("auto|off|quick|full")
      ->check(OneOf({"auto", "off", "quick", "full"}))
      ->capture_default_str();
  verb->add_option("--warm", flags->warm,
                   "modules that Pythons on each host import ahead, for quick restarts; costs their memory")
      ->type_name("MODULE[,MODULE...]")
      ->delimiter(',');
  verb->add_option("--name", flags->name, "the job's name [from the script]")->type_name("NAME");
  verb->add_option("--priority", flags->priority, "0 to 100, higher first")
      ->type_name("N")
      ->check(Between(0, 100))
      ->capture_default_str();
  AddCommandFlags(*verb, *flags);
  AddTorchrunFlags(*verb, all->torchrun);
  verb->add_flag("--dry-run", all->dry_run, "print the job file that this line stands for, and do nothing");
  verb->footer(kRunFooter);
  verb->callback([&cli, all] { cli.verb = [&cli, all] { return Run(cli, *all); }; });
}

}  // namespace everstep
