// everstep lint: checks job files without a launcher, and says what each kind of trouble will take.

#include <CLI/CLI.hpp>
#include <memory>

#include "base/yaml/quantity.h"
#include "launcher/cli/globals.h"
#include "launcher/cli/job_advice.h"
#include "launcher/cli/job_input.h"
#include "launcher/cli/output.h"
#include "launcher/cli/verbs.h"
#include "launcher/config/launcher_file.h"

namespace everstep {

struct LintView {
  std::string file{};
  std::string name{};
  std::uint32_t nodes = 0;
  std::uint32_t spares = 0;
  std::optional<std::uint32_t> processes_per_node{};  // nullopt: one for each accelerator, else 1
  std::vector<BudgetLine> budget{};
  std::vector<std::string> advice{};
};
EVERSTEP_FIELDS(LintView, file, name, nodes, spares, processes_per_node, budget, advice)

namespace {

struct LintFlags {
  std::vector<std::string> files{};
  std::string config{};  // launcher.yaml; empty: its defaults
};

Result<LauncherOptions> ReadLauncher(const std::string& file) {
  if (file.empty()) return LauncherOptions{};
  EVERSTEP_ASSIGN(const std::string text, yaml::ReadConfigFile(file));
  return yaml::Read<LauncherOptions>(LauncherFileTable(), text, file, {}, [](LauncherOptions& o) { return CheckLauncher(o); });
}

LintView View(const std::string& file, const JobSpec& job, const LauncherOptions& launcher) {
  return {.file = file == "-" ? "stdin" : file,
          .name = job.name,
          .nodes = job.nodes,
          .spares = job.spares,
          .processes_per_node = job.processes_per_node,
          .budget = TimeBudget(job, launcher),
          .advice = Advice(job)};
}

std::string Text(const Cli& cli, const LintView& view) {
  const auto& columns = cli.console.out.columns;
  const std::string head = Cat(view.file, ": ", Paint(cli.console.out, Style::green, "good"), ": ", view.name, " on ",
                               Count(view.nodes, "host"), view.spares > 0 ? Cat(" and ", Count(view.spares, "spare")) : "",
                               view.processes_per_node ? Cat(", ", Count(*view.processes_per_node, "rank"), " on each")
                                                       : ", a rank for each accelerator, else one");
  std::string out = Cat(columns ? Wrap(head, *columns - 2, 2) : head, "\n\n");
  TextTable table{.titles = {"WHEN", "THEN"}};
  for (const BudgetLine& line : view.budget)
    table.rows.push_back({line.what, line.set_by.empty() ? line.takes : Cat(line.takes, " [", line.set_by, ']')});
  out += Render(table, {.titles = cli.titles, .columns = columns, .wrap = true});
  if (!view.advice.empty()) out += '\n';
  for (const std::string& sentence : view.advice) {
    const std::string note = Cat("note: ", sentence);
    out += Cat(columns ? Wrap(note, *columns - 6, 6) : note, '\n');
  }
  return out;
}

// All files are looked at; one that is bad makes the answer bad.
Result<int> Lint(const Cli& cli, const LintFlags& flags) {
  EVERSTEP_ASSIGN(const LauncherOptions launcher, ReadLauncher(flags.config));
  std::vector<LintView> good;
  std::vector<std::string> bad;
  std::string hint;
  for (const std::string& file : flags.files) {
    if (const auto job = ReadJob(cli, file)) {
      good.push_back(View(file, *job, launcher));
    } else {
      bad.push_back(job.error().message);
      if (hint.empty()) hint = job.error().hint;
    }
  }
  if (!ForPeople(cli.output)) {
    if (!good.empty()) WriteOut(flags.files.size() == 1 ? ViewData(cli.output, good.front()) : ViewData(cli.output, good));
  } else {
    for (std::size_t i = 0; i < good.size(); ++i) WriteOut((i > 0 ? "\n" : "") + Text(cli, good[i]));
  }
  if (!bad.empty()) return Fail(ErrorCode::kInvalid, Join(bad, "\n"), hint);
  return exit_code::kGood;
}

}  // namespace

void AddLint(CLI::App& app, Cli& cli) {
  auto flags = std::make_shared<LintFlags>();
  CLI::App* verb = app.add_subcommand("lint", "check a job file without a launcher, and print its time budget");
  verb->add_option("FILE", flags->files, "job.yaml, or - for stdin")->required();
  verb->add_option("--config", flags->config, "take the launcher's times from this launcher.yaml [its defaults]")
      ->type_name("FILE");
  AddOutputFlags(*verb, cli, true);
  verb->callback([&cli, flags] { cli.verb = [&cli, flags] { return Lint(cli, *flags); }; });
}

}  // namespace everstep
