#include "agent/core/environment.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace everstep {
namespace {

using Env = std::map<std::string, std::string>;

// Host 1 of 2 with two ranks each, third attempt.
GangSpec Spec() {
  return {.job = JobId("finetune-3"),
          .generation = Generation(3),
          .command = {"python3", "train.py"},
          .workdir = "/srv/run1",
          .first_rank = 2,
          .local_world_size = 2,
          .world_size = 4,
          .node_rank = 1,
          .node_count = 2,
          .master_address = "10.0.0.1",
          .master_port = 20017,
          .restart_count = 2,
          .restarts_max = 10};
}
const HostFacts kHost{.job_address = "10.0.0.2", .interface = "eth1", .user = "ml", .home = "/home/ml", .shell = "/bin/bash"};

Env EnvOf(const KeeperStart& start, std::size_t local_rank) {
  Env env;
  for (const std::string& entry : start.ranks.at(local_rank).env) {
    const std::size_t at = entry.find('=');
    EXPECT_TRUE(env.emplace(entry.substr(0, at), entry.substr(at + 1)).second) << entry << " is there twice";
  }
  return env;
}
Env EnvWith(const Env& user, GangSpec spec = Spec(), const HostFacts& host = kHost) {
  return EnvOf(RanksOf(spec, {.program = "/usr/bin/python3", .env = user}, host, "/spool", {}), 1);
}
std::string Get(const Env& env, const std::string& name) {
  const auto found = env.find(name);
  return found == env.end() ? "(unset)" : found->second;
}

TEST(Environment, ARankGetsAllThatTorchrunWouldSet) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"RANK", "3"},
      {"LOCAL_RANK", "1"},
      {"WORLD_SIZE", "4"},
      {"LOCAL_WORLD_SIZE", "2"},
      {"GROUP_RANK", "1"},
      {"GROUP_WORLD_SIZE", "2"},
      {"NODE_RANK", "1"},
      {"ROLE_NAME", "default"},
      {"ROLE_RANK", "3"},
      {"ROLE_WORLD_SIZE", "4"},
      {"MASTER_ADDR", "10.0.0.1"},
      {"MASTER_PORT", "20017"},
      {"TORCHELASTIC_RUN_ID", "finetune-3"},
      {"TORCHELASTIC_RESTART_COUNT", "2"},
      {"TORCHELASTIC_MAX_RESTARTS", "10"},
      {"TORCHELASTIC_USE_AGENT_STORE", "False"},
      {"TORCHELASTIC_ERROR_FILE", "/spool/error-1.json"},
      {"TORCH_NCCL_ASYNC_ERROR_HANDLING", "1"},
      {"OMP_NUM_THREADS", "1"},
      {"GLOO_SOCKET_IFNAME", "eth1"},
      {"NCCL_SOCKET_IFNAME", "eth1"},
      {"EVERSTEP_JOB_ID", "finetune-3"},
      {"EVERSTEP_GENERATION", "3"},
      {"EVERSTEP_PROGRESS", "/spool/progress-1.json"},
      {"EVERSTEP_CHECKPOINT_DIR", "(unset)"},
      {"EVERSTEP_RESUME_FROM", "(unset)"},
  };
  const Env env = EnvWith({});
  for (const auto& [name, value] : rows) EXPECT_EQ(Get(env, name), value) << name;
}

TEST(Environment, CheckpointNamesAreThereWhenThereIsOneToResumeFrom) {
  GangSpec spec = Spec();
  spec.checkpoint = CheckpointSpec{.dir = "/ckpt"};
  spec.resume = CheckpointSeen{.path = "/ckpt/.everstep/step-40.pt"};
  const Env env = EnvWith({}, spec);
  EXPECT_EQ(Get(env, "EVERSTEP_CHECKPOINT_DIR"), "/ckpt");
  EXPECT_EQ(Get(env, "EVERSTEP_RESUME_FROM"), "/ckpt/.everstep/step-40.pt");
}

TEST(Environment, ATorchrunThatIsTheCommandLearnsItsPlaceAndNobodyElseDoes) {
  const std::vector<std::pair<std::vector<std::string>, bool>> rows = {
      {{"torchrun", "train.py"}, true},
      {{"/opt/venv/bin/torchrun", "--nproc-per-node", "2", "train.py"}, true},
      {{"python3.11", "-u", "-m", "torch.distributed.run", "train.py"}, true},
      {{"python3", "train.py", "-m", "torch.distributed.run"}, false},
      {{"python3", "-m", "pkg.train"}, false},
      {{"python3", "-m"}, false},
      {{"./torchrun.py"}, false}};
  for (const auto& [command, told] : rows) {
    GangSpec spec = Spec();
    spec.command = command;
    const Env env = EnvWith({}, spec);
    EXPECT_EQ(Get(env, "PET_NNODES"), told ? "2" : "(unset)") << Join(command, " ");
    EXPECT_EQ(Get(env, "PET_NODE_RANK"), told ? "1" : "(unset)") << Join(command, " ");
    EXPECT_EQ(Get(env, "PET_RDZV_ENDPOINT"), told ? "10.0.0.1:20017" : "(unset)") << Join(command, " ");
    EXPECT_EQ(Get(EnvWith({{"PET_NNODES", "1"}}, spec), "PET_NNODES"), "1");
  }
}

TEST(Environment, WhatTheUserSetWinsWhereTorchrunLetsItWin) {
  struct Row {
    std::string name, user, expected;
  };
  const std::vector<Row> rows = {
      {"OMP_NUM_THREADS", "8", "8"},
      {"TORCH_NCCL_ASYNC_ERROR_HANDLING", "0", "0"},
      {"GLOO_SOCKET_IFNAME", "ib0", "ib0"},
      {"NCCL_SOCKET_IFNAME", "ib0", "ib0"},
      {"PATH", "/opt/venv/bin:/usr/bin", "/opt/venv/bin:/usr/bin"},
      {"HOME", "/data/ml", "/data/ml"},
      {"HF_TOKEN", "s3cret", "s3cret"},
      {"RANK", "99", "3"},
      {"MASTER_PORT", "29500", "20017"},
      {"EVERSTEP_RESUME_FROM", "/of/the/outer/job", "(unset)"},
  };
  for (const Row& row : rows) EXPECT_EQ(Get(EnvWith({{row.name, row.user}}), row.name), row.expected) << row.name;
}

TEST(Environment, AHostsOwnDefaultsFillInOnlyWhatIsMissing) {
  const Env env = EnvWith({{"HOME", "/data/ml"}});
  EXPECT_EQ(Get(env, "HOME"), "/data/ml");
  EXPECT_EQ(Get(env, "USER"), "ml");
  EXPECT_EQ(Get(env, "LOGNAME"), "ml");
  EXPECT_EQ(Get(env, "SHELL"), "/bin/bash");
  EXPECT_EQ(Get(env, "LANG"), "C.UTF-8");
  EXPECT_EQ(Get(env, "PATH"), "/usr/local/bin:/usr/bin:/bin");
}

TEST(Environment, OneRankOnAHostMayUseAllItsCores) {
  GangSpec spec = Spec();
  spec.local_world_size = 1;
  EXPECT_EQ(EnvOf(RanksOf(spec, {}, kHost, "/spool", {}), 0).count("OMP_NUM_THREADS"), 0u);
}

TEST(Environment, TheRackIsToldWhereItIsKnown) {
  EXPECT_EQ(Get(EnvWith({}, Spec(), {.rack = "r7"}), "EVERSTEP_RACK"), "r7");
  EXPECT_EQ(Get(EnvWith({}, Spec(), {}), "EVERSTEP_RACK"), "(unset)");
}

TEST(Environment, WithoutAnInterfaceNameNoneIsForced) {
  const Env env = EnvWith({}, Spec(), {.job_address = "127.0.0.1"});
  EXPECT_EQ(Get(env, "GLOO_SOCKET_IFNAME"), "(unset)");
  EXPECT_EQ(Get(env, "NCCL_SOCKET_IFNAME"), "(unset)");
}

TEST(Environment, AnEmptyMasterAddressMeansThisHost) {
  GangSpec spec = Spec();
  spec.master_address.clear();
  EXPECT_EQ(Get(EnvWith({}, spec), "MASTER_ADDR"), "10.0.0.2");
}

TEST(Environment, PlaceholdersAreReplacedAndNothingElseIs) {
  struct Row {
    std::string in, out;
  };
  const std::vector<Row> rows = {
      {"{rank}", "3"},
      {"--out=/x/{rank}-{local_rank}.log", "--out=/x/3-1.log"},
      {"{nnodes}", "2"},
      {"${local_rank}", "1"},
      {"${rank}", "$3"},
      {"{resume}", "/ckpt/p"},
      {"{\"rank\": 1}", "{\"rank\": 1}"},
      {"{{rank}}", "{3}"},
      {"{Rank} {rank", "{Rank} {rank"},
      {"$HOME", "$HOME"},
      {"", ""},
  };
  for (const Row& row : rows) {
    GangSpec spec = Spec();
    spec.resume = CheckpointSeen{.path = "/ckpt/p"};
    spec.command = {"python3", row.in};
    const KeeperStart start = RanksOf(spec, {.program = "/usr/bin/python3", .env = {}}, kHost, "/spool", {});
    EXPECT_EQ(start.ranks.at(1).argv, (std::vector<std::string>{"/usr/bin/python3", row.out}));
  }
}

TEST(Environment, RanksOfAHostAreContiguousFromItsFirst) {
  const KeeperStart start = RanksOf(Spec(), {.program = "/usr/bin/python3", .env = {}}, kHost, "/spool", {});
  EXPECT_EQ(start.workdir, "/srv/run1");
  ASSERT_EQ(start.ranks.size(), 2u);
  EXPECT_EQ(start.ranks[0].rank, 2u);
  EXPECT_EQ(start.ranks[0].local_rank, 0u);
  EXPECT_EQ(start.ranks[1].rank, 3u);
  EXPECT_EQ(start.ranks[1].local_rank, 1u);
}

TEST(Environment, TheKeeperLearnsWhatToLookForInLinesAndWhere) {
  GangSpec spec = Spec();
  const ProgressTable table{.lines = {{"iter", "iter {step}"}}};
  EXPECT_EQ(RanksOf(spec, {}, kHost, "/spool", table).progress, table);
  spec.progress.step = "at (\\d+)";
  const KeeperStart start = RanksOf(spec, {}, kHost, "/spool", table);
  EXPECT_EQ(start.progress.step, "at (\\d+)");
  EXPECT_EQ(start.ranks[1].progress_file, "/spool/progress-1.json");
}

}  // namespace
}  // namespace everstep
