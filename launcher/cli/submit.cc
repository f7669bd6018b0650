// everstep submit: hands a job file to the launcher and prints the job's id, nothing else, on stdout.

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <memory>

#include "base/real/files.h"
#include "launcher/cli/job_file.h"
#include "launcher/cli/submission.h"
#include "launcher/cli/verbs.h"
#include "launcher/cli/view_json.h"

namespace everstep {

namespace {

Result<JobSpec> ReadJob(const Cli& cli, const std::string& file) {
  if (file != "-") {
    RealFiles files;
    EVERSTEP_ASSIGN(const std::string text, files.Read(file));
    std::string path = file;
    EVERSTEP_TRY(yaml::MakeAbsolute(path));
    return ReadJobFile(text, file, std::filesystem::path(path).parent_path().string());
  }
  std::string text(yaml::kBytesMax + 1, '\0');
  std::cin.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::cin.gcount()));
  return ReadJobFile(text, "stdin", cli.directory);
}

Result<int> SubmitFile(const Cli& cli, const std::string& file) {
  EVERSTEP_ASSIGN(const JobSpec spec, ReadJob(cli, file));
  EVERSTEP_ASSIGN(const auto client, Connect(cli));
  EVERSTEP_ASSIGN(const Submitted submitted, Submit(*client, spec));
  WriteErr(Cat(Printable(submitted.why), '\n'));
  WriteOut(cli.output == OutputFormat::json ? ViewJson(submitted) : submitted.job.value + "\n");
  return exit_code::kGood;
}

}  // namespace

void AddSubmit(CLI::App& app, Cli& cli) {
  auto file = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("submit", "queue the job of a job file; prints its id");
  verb->add_option("FILE", *file, "job.yaml, or - for stdin")->required();
  AddOutputFlags(*verb, cli, false);
  verb->callback([&cli, file] { cli.verb = [&cli, file] { return SubmitFile(cli, *file); }; });
}

}  // namespace everstep
