// everstep init: a job file to begin with.

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>

#include "base/real/files.h"
#include "base/text.h"
#include "base/yaml/print.h"
#include "launcher/cli/verbs.h"
#include "launcher/config/job_file.h"

namespace everstep {

namespace {

constexpr std::string_view kTitle =
    "A job for Everstep: every key, what it means, what is legal, and its default (but for command, resume_args and "
    "checkpoint). Only `command` is needed. everstep lint FILE checks it, everstep submit FILE queues it.";

std::string Template(const Cli& cli) {
  JobSpec spec;
  spec.name = "train";
  spec.command = {"python3", "train.py"};
  spec.resume_args = {"--resume", "{resume}"};
  spec.workdir = cli.directory;
  spec.checkpoint = CheckpointSpec{.dir = cli.directory + "/checkpoints"};
  return yaml::PrintWithDocs(kTitle, yaml::EntriesOf(JobFileTable(), spec));
}

Result<int> Init(const Cli& cli, const std::string& file) {
  if (file == "-") {
    WriteOut(Template(cli));
    return exit_code::kGood;
  }
  if (std::error_code ignored; std::filesystem::exists(file, ignored))
    return Fail(ErrorCode::kConflict, Cat(file, " is there already"), "name another file, or - for stdout");
  EVERSTEP_TRY(RealFiles().Write(file, Template(cli)));
  WriteErr(Cat("wrote ", file, "; next: everstep lint ", file, '\n'));
  return exit_code::kGood;
}

}  // namespace

void AddInit(CLI::App& app, Cli& cli) {
  auto file = std::make_shared<std::string>("job.yaml");
  CLI::App* verb = app.add_subcommand("init", "write a job file to begin with: every key, explained");
  verb->add_option("FILE", *file, "where to; - for stdout")->capture_default_str();
  verb->callback([&cli, file] { cli.verb = [&cli, file] { return Init(cli, *file); }; });
}

}  // namespace everstep
