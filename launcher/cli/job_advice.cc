#include "launcher/cli/job_advice.h"

#include <algorithm>

#include "base/text.h"
#include "base/torchrun.h"
#include "base/yaml/quantity.h"
#include "base/yaml/typo.h"
#include "launcher/core/exclusion.h"

namespace everstep {

namespace {

// Is the path of a checkpoint handed to the script?
bool PassesCheckpointOn(const JobSpec& job) {
  const auto has = [](const std::vector<std::string>& arguments) {
    return std::any_of(arguments.begin(), arguments.end(),
                       [](const std::string& argument) { return argument.find("{resume}") != std::string::npos; });
  };
  return has(job.command) || has(job.resume_args);
}

// "python3 train.py" as one word, which no host has as a program.
bool LooksLikeShell(const std::vector<std::string>& command) {
  return command.size() == 1 && command.front().find_first_of(" |&;<>") != std::string::npos;
}

// "{rnak} in command is passed on as it is: did you mean {rank}?": other braces are left alone, they may be JSON.
void AdviseOnPlaceholders(std::string_view key, const std::vector<std::string>& arguments, std::vector<std::string>& advice) {
  static const std::vector<std::string> known{"rank", "local_rank", "nnodes", "resume"};
  for (const std::string& argument : arguments)
    for (std::size_t open = argument.find('{'); open != std::string::npos; open = argument.find('{', open + 1)) {
      const std::size_t close = argument.find('}', open);
      if (close == std::string::npos) break;
      const std::string word = argument.substr(open + 1, close - open - 1);
      const std::string_view meant = word.size() > 20 ? std::string_view() : Nearest(word, known);
      if (!meant.empty() && meant != word)
        advice.push_back(Cat('{', Printable(word), "} in ", key, " is passed on as it is: did you mean {", meant, "}?"));
    }
}

std::string HangText(const ProgressSpec& progress) {
  if (!progress.hang_after) return "all start again after 40 min, or 100 steps where those take longer";
  if (*progress.hang_after == Duration(0)) return "nothing: it is not watched";
  return Cat("all start again after ", WriteDuration(*progress.hang_after));
}

// What is proven first, and who says so: the job, else the launcher's file.
void AddPreflight(const PreflightSpec& own, const LauncherOptions& launcher, std::vector<BudgetLine>& lines) {
  const auto by = [](std::string_view key, bool of_job) { return Cat("preflight.", key, of_job ? "" : " of launcher.yaml"); };
  const PreflightLevel level = own.level.value_or(launcher.preflight_level);
  const std::string level_by = by("level", own.level.has_value());
  if (level == PreflightLevel::off) {
    lines.push_back({.what = "before the ranks start", .takes = "its hosts are not checked", .set_by = level_by});
    return;
  }
  const Duration holds = own.valid_for.value_or(launcher.preflight_valid_for);
  lines.push_back(
      {.what = "before the ranks start",
       .takes = Cat("each host is looked at, then ", level == PreflightLevel::quick ? "four rounds of pairs" : "each pair"),
       .set_by = level_by});
  lines.push_back({.what = "its hosts have passed",
                   .takes = Cat("not checked again within ", WriteDuration(holds)),
                   .set_by = by("valid_for", own.valid_for.has_value())});
  const bool blocks = own.unknown.value_or(launcher.preflight_unknown) == PreflightUnknown::block;
  lines.push_back({.what = "a host cannot read a check",
                   .takes = blocks ? "another one takes its place" : "it is told, and the job starts",
                   .set_by = by("unknown", own.unknown.has_value())});
}

}  // namespace

std::vector<BudgetLine> TimeBudget(const JobSpec& job, const LauncherOptions& launcher) {
  const auto at_most = [](Duration d) { return Cat("at most ", Show(d)); };
  std::vector<BudgetLine> lines;
  AddPreflight(job.preflight, launcher, lines);
  const std::vector<BudgetLine> troubles{
      {.what = "a rank ends", .takes = "seen at once: no time-out", .set_by = ""},
      {.what = "a host falls silent",
       .takes = Cat("lost ", Show(launcher.lost_after), " later, when peers hear nothing either"),
       .set_by = "detection.lost_after"},
      {.what = "its ranks are dead",
       .takes = Cat(at_most(FenceTime(launcher.fence_after)), " after its last acknowledged beat"),
       .set_by = "fence.after x 1.1 + 0.5s"},
      {.what = "its agent has died",
       .takes = Cat(at_most(launcher.agent_return), " for it to come back"),
       .set_by = "detection.agent_return"},
      {.what = "its ranks tell of no new step", .takes = HangText(job.progress), .set_by = "progress.hang_after"},
      {.what = "the ranks are stopped",
       .takes = Cat("SIGTERM, ", at_most(job.stop_grace), ", SIGKILL"),
       .set_by = "stop_grace"}};
  lines.insert(lines.end(), troubles.begin(), troubles.end());
  const RestartSpec& restart = job.restart;
  lines.push_back({.what = "restarts",
                   .takes = restart.budget == 0 ? "none: the first failure ends the job"
                                                : Cat(restart.budget, " within ", WriteDuration(restart.window)),
                   .set_by = "restart.budget"});
  if (restart.budget > 0)
    lines.push_back({.what = "the code fails again",
                     .takes = Cat("the job ends after ", restart.no_progress, " without progress"),
                     .set_by = "restart.no_progress"});
  return lines;
}

std::vector<std::string> Advice(const JobSpec& job) {
  std::vector<std::string> advice;
  if (LooksLikeShell(job.command))
    advice.emplace_back("command is one word with blanks in it, and no shell will split it: write a list, [python3, train.py]");
  AdviseOnPlaceholders("command", job.command, advice);
  AdviseOnPlaceholders("resume_args", job.resume_args, advice);
  if (IsTorchrun(job.command) && job.processes_per_node != 1u) {
    const std::string number = job.processes_per_node ? Cat(*job.processes_per_node) : "auto";
    advice.push_back(Cat("torchrun starts ranks of its own: with processes_per_node: ", number, " there ",
                         job.processes_per_node ? Cat("are ", number) : "is one for each accelerator",
                         " of it on each host; write 1"));
  }
  const PreflightSpec& preflight = job.preflight;
  if (preflight.level == PreflightLevel::off && (preflight.unknown || preflight.valid_for || !preflight.data.empty()))
    advice.emplace_back("preflight.level is off: unknown, valid_for and data beside it change nothing");
  if (!job.checkpoint) advice.emplace_back("no checkpoint: every restart begins at the first step");
  if (job.checkpoint && !PassesCheckpointOn(job))
    advice.emplace_back(
        "{resume} stands in neither command nor resume_args: the script itself has to read EVERSTEP_RESUME_FROM, or a restart "
        "begins at the first step");
  if (job.checkpoint && job.checkpoint->isolate == Isolate::mount)
    advice.push_back(
        Cat("isolate: mount: every agent needs CAP_SYS_ADMIN (root), else its host refuses the job; ranks begin with ",
            job.checkpoint->dir, " empty but for the checkpoint that {resume} or EVERSTEP_RESUME_FROM names"));
  if (!job.checkpoint && !job.resume_args.empty()) advice.emplace_back("resume_args are never used without a checkpoint");
  if (job.spares == 0 && job.restart.budget > 0)
    advice.emplace_back("no spares: after a host is lost the job waits until another one is free");
  return advice;
}

}  // namespace everstep
