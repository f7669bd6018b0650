#include "launcher/config/job_file.h"

#include <gtest/gtest.h>

namespace everstep {
namespace {

Result<JobSpec> ReadJob(std::string_view text) { return ReadJobFile(text, "job.yaml", "/home/me/run"); }

TEST(JobFile, OnlyTheCommandIsRequired) {
  const auto spec = ReadJob("command: [python3, train.py]\n");
  ASSERT_TRUE(spec) << spec.error().Str();
  EXPECT_EQ(*spec, (JobSpec{.command = {"python3", "train.py"}, .workdir = "/home/me/run"}));
}

TEST(JobFile, APreflightIsReadAndWhatIsLeftOpenIsTheLaunchersToSay) {
  const auto spec = ReadJob("command: [a]\npreflight: {level: quick, unknown: block, valid_for: 2h, data: [/data, more]}\n");
  ASSERT_TRUE(spec) << spec.error().Str();
  EXPECT_EQ(spec->preflight, (PreflightSpec{.level = PreflightLevel::quick,
                                            .valid_for = 2h,
                                            .unknown = PreflightUnknown::block,
                                            .data = {"/data", "/home/me/run/more"}}));
  EXPECT_EQ(ReadJob("command: [a]\npreflight: {level: auto}\n")->preflight, PreflightSpec());
  EXPECT_EQ(ReadJob("command: [a]\npreflight: {unknown: ok}\n").error().message,
            "job.yaml:2:22: preflight.unknown: found \"ok\", legal: auto, pass or block");
}

const JobSpec kFull{
    .name = "finetune-llama",
    .command = {"python3", "train.py", "--rank={rank}"},
    .resume_args = {"--resume", "{resume}"},
    .nodes = 4,
    .processes_per_node = 8,
    .spares = 1,
    .workdir = "/srv/run1",
    .env = {{"NCCL_DEBUG", "WARN"}, {"OMP_NUM_THREADS", "1"}},
    .env_from = {"/etc/run1.env"},
    .priority = 60,
    .checkpoint = CheckpointSpec{.dir = "/mnt/ckpt/run1", .complete_when = {.kind = CompleteWhenKind::glob, .pattern = "*.pt"}},
    .progress = {.step = "at step (\\d+)", .hang_after = 5min},
    .restart = {.budget = 5, .window = 90min, .no_progress = 2, .no_restart = {93, 17}, .new_host = {16}, .warm = {"torch"}},
    .stop_grace = 30s};

TEST(JobFile, EveryKeyOfTheManualIsRead) {
  const auto spec = ReadJob(R"(
name: finetune-llama
command: [python3, train.py, "--rank={rank}"]
resume_args: [--resume, "{resume}"]
nodes: 4
processes_per_node: 8
spares: 1
workdir: /srv/run1
env: {NCCL_DEBUG: WARN, OMP_NUM_THREADS: 1}
env_from: [{file: /etc/run1.env}]
priority: 60
checkpoint:
  dir: /mnt/ckpt/run1
  complete_when: {glob: "*.pt"}
  isolate: pin
progress:
  step: 'at step (\d+)'
  hang_after: 5min
restart:
  budget: 5 per 90min
  no_progress: 2
  exit_codes: {no_restart: [93, 17], new_host: [16]}
  warm: [torch]
stop_grace: 30s
)");
  ASSERT_TRUE(spec) << spec.error().Str();
  EXPECT_EQ(*spec, kFull);
}

TEST(JobFile, WhatIsWrittenReadsBackTheSame) {
  JobSpec marker = kFull;
  marker.checkpoint->complete_when = {.kind = CompleteWhenKind::marker, .pattern = "DONE"};
  marker.processes_per_node.reset();
  marker.progress.hang_after = Duration(0);
  marker.time_limit = 72h;
  JobSpec plain{.command = {"sh", "-c", "echo \"a: b\" # no\n", "", "~", "{x}"}, .workdir = "/"};
  for (const JobSpec& spec : {kFull, marker, plain}) {
    const auto again = ReadJob(WriteJobFile(spec));
    ASSERT_TRUE(again) << again.error().Str() << '\n' << WriteJobFile(spec);
    EXPECT_EQ(*again, spec) << WriteJobFile(spec);
  }
}

TEST(JobFile, RelativePathsStartWhereTheFileIs) {
  const auto spec = ReadJob("command: [a]\nworkdir: ../b\nenv_from: [{file: .env}]\ncheckpoint: {dir: ckpt/x}\n");
  ASSERT_TRUE(spec) << spec.error().Str();
  EXPECT_EQ(spec->workdir, "/home/me/b");
  EXPECT_EQ(spec->env_from, std::vector<std::string>{"/home/me/run/.env"});
  EXPECT_EQ(spec->checkpoint->dir, "/home/me/run/ckpt/x");
}

struct BadJob {
  std::string name, text, problem;
};
class BadJobs : public testing::TestWithParam<BadJob> {};

TEST_P(BadJobs, AreRefusedWithThePlace) {
  const auto spec = ReadJob("command: [a]\n" + GetParam().text);
  ASSERT_FALSE(spec);
  EXPECT_FALSE(spec.error().hint.empty()) << "there is always a next step";
  const bool general = spec.error().hint.starts_with("everstep schema job");
  EXPECT_EQ(general ? spec.error().message : spec.error().Str(), GetParam().problem);
}

INSTANTIATE_TEST_SUITE_P(
    JobFile, BadJobs,
    testing::ValuesIn(std::vector<BadJob>{
        {"KeyOfALaterVersion", "queue: fast\n",
         "job.yaml:2:1: queue: found an unknown key, legal: command, resume_args, name, nodes, processes_per_node, "
         "spares, "
         "hosts, workdir, env, env_from, priority, checkpoint, progress, preflight, restart, time_limit, stop_grace"},
        {"ProgressNoExpression", "progress: {step: 'step ('}\n",
         "job.yaml:2:12: progress.step: no regular expression: missing ): step (; the syntax is RE2's: no look-around, no "
         "back-references"},
        {"ProgressWithoutAGroup", "progress: {step: step}\n",
         "job.yaml:2:12: progress.step: found 0 groups, legal: exactly one, the step; such as 'step=(\\d+)'; (?:…) groups "
         "without capturing"},
        {"HangTooSoon", "progress: {hang_after: 1s}\n",
         "job.yaml:2:24: progress.hang_after: found \"1s\", legal: auto, \"off\" or 5s to 7d"},
        {"HangNoTime", "progress: {hang_after: 10}\n",
         "job.yaml:2:24: progress.hang_after: found \"10\", legal: auto, \"off\" or 5s to 7d; write a unit: 10s"},
        {"ProgressEmpty", "progress: {step: ''}\n",
         "job.yaml:2:12: progress.step: found an empty text, legal: auto or a regular expression"},
        {"Isolate", "checkpoint: {dir: /a, isolate: copy}\n",
         "job.yaml:2:32: checkpoint.isolate: found \"copy\", legal: pin or mount"},
        {"WorkdirHidden", "workdir: /a/b\ncheckpoint: {dir: /a, isolate: mount}\n",
         "job.yaml:2:1: workdir: found /a/b, legal: a directory outside of checkpoint.dir /a, which isolate: mount hides from "
         "the ranks"},
        {"BudgetAsNumber", "restart: {budget: 10}\n",
         "job.yaml:2:19: restart.budget: found \"10\", legal: RESTARTS per DURATION such as 10 per 6h; write 10 per 6h"},
        {"BudgetWithoutUnit", "restart: {budget: 10 per 6}\n",
         "job.yaml:2:19: restart.budget: found \"10 per 6\", legal: RESTARTS per DURATION such as 10 per 6h; write a unit: 6s"},
        {"BudgetWindow", "restart: {budget: 10 per 0s}\n",
         "job.yaml:2:11: restart.budget: found 0 s, legal: a window from 1s to 365d"},
        {"WarmModule", "restart: {warm: [torch, 'os; evil']}\n",
         "job.yaml:2:11: restart.warm: found \"os; evil\", legal: names of modules, such as torch or torch.distributed"},
        {"ExitCode", "restart: {exit_codes: {no_restart: [93, 0]}}\n",
         "job.yaml:2:41: restart.exit_codes.no_restart[1]: found \"0\", legal: 1 to 255"},
        {"CompleteWhen", "checkpoint: {dir: /a, complete_when: {mark: x}}\n",
         "job.yaml:2:38: checkpoint.complete_when: found a mapping, legal: auto, {glob: PATTERN} or {marker: FILE}"},
        {"PatternWithSlash", "checkpoint: {dir: /a, complete_when: {glob: a/*.pt}}\n",
         "job.yaml:2:23: checkpoint.complete_when: found \"a/*.pt\", legal: a name without '/'"},
        {"NoDir", "checkpoint: {isolate: pin}\n",
         "job.yaml:2:13: checkpoint.dir: found nothing, legal: a path; add the key `dir`"},
        {"EnvFromText", "env_from: [/etc/a.env]\n", "job.yaml:2:12: env_from[0]: found \"/etc/a.env\", legal: {file: PATH}"},
        {"Secret", "env:\n  A: 1\n  HF_TOKEN: abc\n",
         "job.yaml:4:3: env.HF_TOKEN: the name looks like a secret, and values in `env` are stored in the launcher's log; put "
         "NAME=value into a file on the hosts and list it under env_from"},
        {"Processes", "processes_per_node: gpu\n",
         "job.yaml:2:21: processes_per_node: found \"gpu\", legal: auto or 1 to 1024"},
        {"Grace", "stop_grace: 2d\n", "job.yaml:2:13: stop_grace: found \"2d\", legal: 0s to 1d"},
        {"Twice", "command: [b]\n", "job.yaml:2:1: command: found the key a second time; keep one of the two"},
    }),
    [](const auto& row) { return row.param.name; });

TEST(JobFile, ACommandMayNotBeEmpty) {
  EXPECT_EQ(ReadJob("command: []\n").error().message,
            "job.yaml:1:1: command: found an empty list, legal: a program and its arguments");
  EXPECT_EQ(ReadJob("nodes: 2\n").error().message,
            "job.yaml:1:1: command: found nothing, legal: a list such as [python3, train.py]; add the key `command`");
}

}  // namespace
}  // namespace everstep
