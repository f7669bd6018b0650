#include "launcher/cli/job_advice.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace everstep {
namespace {

std::string BudgetOf(const JobSpec& job, const LauncherOptions& launcher, const std::string& what) {
  for (const BudgetLine& line : TimeBudget(job, launcher))
    if (line.what == what) return line.takes;
  return "(no line)";
}

TEST(TimeBudget, SaysHowLongEachKindOfTroubleTakes) {
  const JobSpec job{.command = {"a"}, .stop_grace = 90s};
  EXPECT_EQ(BudgetOf(job, {}, "a host falls silent"), "lost 5 s later, when peers hear nothing either");
  EXPECT_EQ(BudgetOf(job, {}, "its ranks are dead"), "at most 4.9 s after its last acknowledged beat");
  EXPECT_EQ(BudgetOf(job, {}, "the ranks are stopped"), "SIGTERM, at most 1 min 30 s, SIGKILL");
  EXPECT_EQ(BudgetOf(job, {}, "restarts"), "10 within 6h");
  EXPECT_EQ(BudgetOf(job, {.lost_after = 3300ms, .fence_after = 2500ms}, "a host falls silent"),
            "lost 3.3 s later, when peers hear nothing either");
  EXPECT_EQ(BudgetOf({.command = {"a"}, .restart = {.budget = 0}}, {}, "restarts"), "none: the first failure ends the job");
  EXPECT_EQ(BudgetOf({.command = {"a"}, .restart = {.budget = 0}}, {}, "the code fails again"), "(no line)");
}

TEST(TimeBudget, SaysWhatIsProvenFirstAndWhoseWordThatIs) {
  const auto lines = [](const PreflightSpec& preflight, const LauncherOptions& launcher) {
    std::vector<std::string> all;
    for (const BudgetLine& line : TimeBudget({.command = {"a"}, .preflight = preflight}, launcher)) {
      if (line.what == "a rank ends") break;
      all.push_back(Cat(line.what, ": ", line.takes, " [", line.set_by, ']'));
    }
    return all;
  };
  using Words = std::vector<std::string>;
  EXPECT_EQ(lines({}, {}), Words{"before the ranks start: its hosts are not checked [preflight.level of launcher.yaml]"});
  EXPECT_EQ(lines({.level = PreflightLevel::off}, {.preflight_level = PreflightLevel::full}),
            Words{"before the ranks start: its hosts are not checked [preflight.level]"});
  EXPECT_EQ(lines({.valid_for = 2h, .unknown = PreflightUnknown::block}, {.preflight_level = PreflightLevel::full}),
            (Words{"before the ranks start: each host is looked at, then each pair [preflight.level of launcher.yaml]",
                   "its hosts have passed: not checked again within 2h [preflight.valid_for]",
                   "a host cannot read a check: another one takes its place [preflight.unknown]"}));
  EXPECT_EQ(lines({.level = PreflightLevel::quick}, {}).at(2),
            "a host cannot read a check: it is told, and the job starts [preflight.unknown of launcher.yaml]");
}

TEST(Advice, IsGivenWhereAFileIsLegalAndRarelyMeant) {
  const CheckpointSpec checkpoint{.dir = "/c"};
  const std::vector<std::pair<JobSpec, std::string>> rows = {
      {{.command = {"a"}, .spares = 1}, "no checkpoint: every restart begins at the first step"},
      {{.command = {"a"}, .resume_args = {"{resume}"}, .spares = 1, .checkpoint = checkpoint}, ""},
      {{.command = {"a"},
        .resume_args = {"{resume}"},
        .spares = 1,
        .checkpoint = checkpoint,
        .preflight = {.level = PreflightLevel::off, .unknown = PreflightUnknown::block}},
       "preflight.level is off: unknown, valid_for and data beside it change nothing"},
      {{.command = {"a", "--from={resume}"}, .spares = 1, .checkpoint = checkpoint}, ""},
      {{.command = {"a"}, .spares = 1, .checkpoint = checkpoint},
       "{resume} stands in neither command nor resume_args: the script itself has to read EVERSTEP_RESUME_FROM, or a restart "
       "begins at the first step"},
      {{.command = {"a", "{resume}"}, .checkpoint = checkpoint},
       "no spares: after a host is lost the job waits until another one is free"},
      {{.command = {"a", "{resume}"}, .checkpoint = checkpoint, .restart = {.budget = 0}}, ""},
      {{.command = {"python3 train.py"}, .resume_args = {"{resume}"}, .spares = 1, .checkpoint = checkpoint},
       "command is one word with blanks in it, and no shell will split it: write a list, [python3, train.py]"},
      {{.command = {"torchrun", "{resume}"}, .processes_per_node = 8, .spares = 1, .checkpoint = checkpoint},
       "torchrun starts ranks of its own: with processes_per_node: 8 there are 8 of it on each host; write 1"},
      {{.command = {"a", "{resume}"}, .spares = 1, .checkpoint = CheckpointSpec{.dir = "/c", .isolate = Isolate::mount}},
       "isolate: mount: every agent needs CAP_SYS_ADMIN (root), else its host refuses the job; ranks begin with /c empty but "
       "for "
       "the checkpoint that {resume} or EVERSTEP_RESUME_FROM names"},
      {{.command = {"a", "{resume}", "--rank={rnak}", "{\"rank\": 1}"}, .spares = 1, .checkpoint = checkpoint},
       "{rnak} in command is passed on as it is: did you mean {rank}?"},
      {{.command = {"torchrun", "{resume}"}, .processes_per_node = 1, .spares = 1, .checkpoint = checkpoint}, ""}};
  for (const auto& [job, advice] : rows) EXPECT_EQ(Join(Advice(job), "\n"), advice);
}

}  // namespace
}  // namespace everstep
