#include "launcher/cli/run_spec.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace everstep {
namespace {

const Surroundings kHere{.environment = {{"PATH", "/home/me/venv/bin:/usr/bin"},
                                         {"HOME", "/home/me"},
                                         {"USER", "me"},
                                         {"VIRTUAL_ENV", "/home/me/venv"},
                                         {"CONDA_PREFIX", "/opt/conda"},
                                         {"CONDA_API_TOKEN", "abc"},
                                         {"OMP_NUM_THREADS", "1"},
                                         {"OPENBLAS_CORETYPE", "Haswell"},
                                         {"HF_TOKEN", "secret"},
                                         {"EDITOR", "vi"}},
                         .directory = "/home/me/run",
                         .cpus = 6};

TEST(RunSpec, ALoneScriptIsRunByPythonWhereTheUserStands) {
  const auto spec = SpecOf({.command = {"train.py", "--epochs", "3"}}, kHere);
  ASSERT_TRUE(spec) << spec.error().Str();
  EXPECT_EQ(Join(spec->command, " "), "python3 -u train.py --epochs 3");
  EXPECT_EQ(spec->name, "train");
  EXPECT_EQ(spec->workdir, "/home/me/run");
  EXPECT_EQ(spec->nodes, 1u);
  EXPECT_FALSE(spec->processes_per_node);
}

TEST(RunSpec, AProgramIsRunAsItIs) {
  const auto spec = SpecOf({.nodes = 3, .processes = "2", .spares = 1, .command = {"/opt/bin/My_Trainer", "x.py.txt"}}, kHere);
  ASSERT_TRUE(spec) << spec.error().Str();
  EXPECT_EQ(Join(spec->command, " "), "/opt/bin/My_Trainer x.py.txt");
  EXPECT_EQ(spec->name, "my-trainer");
  EXPECT_EQ(spec->processes_per_node, 2u);
  EXPECT_EQ(spec->spares, 1u);
}

TEST(RunSpec, AModuleIsRunByPython) {
  const auto spec = SpecOf({.module = true, .command = {"pkg.train", "-x"}}, kHere);
  ASSERT_TRUE(spec) << spec.error().Str();
  EXPECT_EQ(Join(spec->command, " "), "python3 -u -m pkg.train -x");
}

TEST(RunSpec, AnMpiProgramHasAsManyRanksOnEachHostAsAnyJob) {
  const auto spec = SpecOf({.processes = "2", .mpi = true, .command = {"./a.out", "x"}}, kHere);
  ASSERT_TRUE(spec) << spec.error().Str();
  EXPECT_EQ(Join(spec->command, " "), "everstep-mpi -- ./a.out x");
  EXPECT_EQ(spec->processes_per_node, 2u);
  EXPECT_EQ(spec->name, "a-out");
  const auto script = SpecOf({.mpi = true, .command = {"train.py"}}, kHere);
  EXPECT_EQ(Join(script->command, " "), "everstep-mpi -- python3 -u train.py");
  EXPECT_FALSE(script->processes_per_node);
}

TEST(RunSpec, TheNameComesFromTheScript) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> rows{{{"python3", "src/Fine_Tune.py"}, "fine-tune"},
                                                                           {{"python3", "-c", "pass"}, "python3"},
                                                                           {{"./___"}, "job"},
                                                                           {{"a.b.py"}, "a-b"}};
  for (const auto& [command, name] : rows) {
    const auto spec = SpecOf({.command = command}, kHere);
    ASSERT_TRUE(spec) << spec.error().Str();
    EXPECT_EQ(spec->name, name);
  }
}

TEST(RunSpec, TheUsersPathAndPythonGoAlongAndSecretsDoNot) {
  const auto spec = SpecOf({.env = {"A=1=2", "EDITOR", "OMP_NUM_THREADS=4"}, .command = {"a"}}, kHere);
  ASSERT_TRUE(spec) << spec.error().Str();
  EXPECT_EQ(spec->env, (std::map<std::string, std::string>{{"A", "1=2"},
                                                           {"CONDA_PREFIX", "/opt/conda"},
                                                           {"EDITOR", "vi"},
                                                           {"HOME", "/home/me"},
                                                           {"OMP_NUM_THREADS", "4"},
                                                           {"OPENBLAS_CORETYPE", "Haswell"},
                                                           {"PATH", "/home/me/venv/bin:/usr/bin"},
                                                           {"PYTHONUNBUFFERED", "1"},
                                                           {"USER", "me"},
                                                           {"VIRTUAL_ENV", "/home/me/venv"}}));
}

TEST(RunSpec, CountsRestartsAndCheckpoints) {
  const auto spec = SpecOf({.processes = "cpu",
                            .restarts_max = 0,
                            .workdir = "../other/",
                            .checkpoint_dir = "ckpt",
                            .resume_args = {"--resume", "{resume}"},
                            .env_from = {".env"},
                            .stop_grace = "5s",
                            .command = {"a"}},
                           kHere);
  ASSERT_TRUE(spec) << spec.error().Str();
  EXPECT_EQ(spec->processes_per_node, 6u);
  EXPECT_EQ(spec->restart.budget, 0u);
  EXPECT_EQ(spec->workdir, "/home/me/other");
  EXPECT_EQ(spec->checkpoint->dir, "/home/me/run/ckpt");
  EXPECT_EQ(spec->env_from, std::vector<std::string>{"/home/me/run/.env"});
  EXPECT_EQ(spec->stop_grace, 5s);
}

TEST(RunSpec, MistakesNameTheFlag) {
  const std::vector<std::pair<RunFlags, std::string>> rows{
      {{}, "no command to run; everstep run --nnodes 2 -- python3 train.py"},
      {{.processes = "four", .command = {"a"}}, "--nproc-per-node: found \"four\", legal: 1 to 1024, auto, gpu or cpu"},
      {{.processes = "0", .command = {"a"}}, "--nproc-per-node: found \"0\", legal: 1 to 1024, auto, gpu or cpu"},
      {{.env = {"NOBODY"}, .command = {"a"}}, "--env: NOBODY is not set here; write --env NOBODY=VALUE"},
      {{.stop_grace = "60", .command = {"a"}}, "--stop-grace: found \"60\", legal: 0s to 1d; write a unit: 60s"},
      {{.env = {"HF_TOKEN"}, .command = {"a"}},
       "env.HF_TOKEN: the name looks like a secret, and values in `env` are stored in the launcher's log; put NAME=value into "
       "a "
       "file on the hosts and list it under env_from"}};
  for (const auto& [flags, problem] : rows) {
    const auto spec = SpecOf(flags, kHere);
    ASSERT_FALSE(spec) << problem;
    EXPECT_EQ(spec.error().Str(), problem);
  }
}

}  // namespace
}  // namespace everstep
