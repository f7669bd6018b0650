#include "collectives/probe/identity.h"

#include <gtest/gtest.h>

namespace everstep {
namespace {

using Variables = std::map<std::string, std::string>;

TEST(Identity, ComesFromTorchrunMpirunOrSrun) {
  const Variables master = {{"MASTER_ADDR", "n1"}, {"MASTER_PORT", "1234"}};
  for (const Variables& own :
       {Variables{{"RANK", "3"}, {"WORLD_SIZE", "4"}}, Variables{{"OMPI_COMM_WORLD_RANK", "3"}, {"OMPI_COMM_WORLD_SIZE", "4"}},
        Variables{{"SLURM_PROCID", "3"}, {"SLURM_NTASKS", "4"}}}) {
    Variables all = master;
    all.insert(own.begin(), own.end());
    const Result<ProbeIdentity> identity = IdentityFrom(all);
    ASSERT_TRUE(identity.has_value()) << identity.error().Str();
    EXPECT_EQ(identity->rank, 3u);
    EXPECT_EQ(identity->ranks, 4u);
    EXPECT_EQ(identity->master_host, "n1");
    EXPECT_EQ(identity->master_port, 1234);
  }
  EXPECT_EQ(IdentityFrom({})->ranks, 1u);
}

TEST(Identity, TorchrunsOwnAgentHasThePortSoTheNextIsTaken) {
  EXPECT_EQ(IdentityFrom({{"RANK", "0"},
                          {"WORLD_SIZE", "2"},
                          {"MASTER_ADDR", "n1"},
                          {"MASTER_PORT", "1234"},
                          {"TORCHELASTIC_USE_AGENT_STORE", "True"}})
                ->master_port,
            1235);
}

TEST(Identity, WhatIsMissingOrWrongIsNamed) {
  EXPECT_EQ(IdentityFrom({{"RANK", "0"}}).error().Str(), "RANK is set and WORLD_SIZE is not; set both, or none");
  EXPECT_EQ(IdentityFrom({{"RANK", "2"}, {"WORLD_SIZE", "2"}}).error().Str(),
            "RANK is 2 and WORLD_SIZE 2; ranks count from 0 to WORLD_SIZE - 1");
  EXPECT_EQ(IdentityFrom({{"RANK", "0"}, {"WORLD_SIZE", "2"}}).error().Str(),
            "MASTER_ADDR is not set; the host of rank 0, by name or address");
  EXPECT_EQ(IdentityFrom({{"RANK", "one"}, {"WORLD_SIZE", "2"}}).error().Str(),
            "RANK is \"one\"; a whole number up to 65535 is legal");
}

TEST(Identity, TheRackIsTheAgentsWordOrAllOfSlurmsTopologyButTheNode) {
  const auto rack = [](std::map<std::string, std::string> environment) { return IdentityFrom(environment)->rack; };
  EXPECT_EQ(rack({{"EVERSTEP_RACK", "r7"}, {"SLURM_TOPOLOGY_ADDR", "spine.leaf3.n1"}}), "r7");
  EXPECT_EQ(rack({{"SLURM_TOPOLOGY_ADDR", "spine.leaf3.n1"}}), "spine.leaf3");
  EXPECT_EQ(rack({{"SLURM_TOPOLOGY_ADDR", "n1"}}), "");
  EXPECT_EQ(rack({}), "");
}

// What srun and mpirun set, as Slurm documents it and Open MPI 4.1 does it; where rank 0 is then.
TEST(Identity, WhereRank0IsWithoutMasterAddr) {
  struct Row {
    std::string name;
    Variables environment;
    std::string host;  // or the beginning of the error
    std::uint16_t port = 29500;
  };
  const Variables srun = {{"SLURM_PROCID", "3"},
                          {"SLURM_NTASKS", "4"},
                          {"SLURM_JOB_ID", "1234"},
                          {"SLURM_STEP_ID", "2"},
                          {"SLURM_STEP_NUM_NODES", "4"},
                          {"SLURM_STEP_NODELIST", "n[03-06]"},
                          {"SLURM_JOB_NODELIST", "n[01-08]"},
                          {"SLURM_LAUNCH_NODE_IPADDR", "10.9.9.9"}};
  const Variables mpirun = {{"OMPI_COMM_WORLD_RANK", "3"},
                            {"OMPI_COMM_WORLD_SIZE", "4"},
                            {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"},
                            {"PMIX_HOSTNAME", "n2"}};
  const auto with = [](Variables all, const Variables& more) {
    for (const auto& [name, value] : more) all[name] = value;
    return all;
  };
  const auto without = [](Variables all, const std::string& name) {
    all.erase(name);
    return all;
  };
  const std::string not_told =
      "MASTER_ADDR is not set, and mpirun does not tell its ranks where rank 0 is; mpirun -x MASTER_ADDR=";
  for (const Row& row : std::vector<Row>{
           {"srun: the first host of the step, not of the job", srun, "n03", 18256},
           {"srun, another step, another port", with(srun, {{"SLURM_STEP_ID", "3"}}), "n03", 18257},
           {"srun without a list of its step", without(srun, "SLURM_STEP_NODELIST"), "n01", 18256},
           {"srun on one host", with(srun, {{"SLURM_STEP_NUM_NODES", "1"}}), "127.0.0.1", 18256},
           {"srun with a list that is none", with(srun, {{"SLURM_STEP_NODELIST", "n[a"}}),
            "MASTER_ADDR is not set; the host of"},
           {"srun, and somebody who knows better", with(srun, {{"MASTER_ADDR", "ib3"}, {"MASTER_PORT", "7"}}), "ib3", 7},
           {"srun with PMI", with(srun, {{"PMI_RANK", "3"}, {"PMI_SIZE", "4"}}), "n03", 18256},
           {"mpirun on one host", with(mpirun, {{"OMPI_COMM_WORLD_LOCAL_SIZE", "4"}}), "127.0.0.1"},
           {"mpirun on several", mpirun, not_told},
           {"mpirun in Slurm: its map is its own", with(mpirun, srun), not_told},
           {"mpirun -x", with(mpirun, {{"MASTER_ADDR", "n1"}}), "n1"},
           {"MPICH on one host", {{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}, {"MPI_LOCALNRANKS", "2"}}, "127.0.0.1"},
           {"MPICH on several", {{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}, {"MPI_LOCALNRANKS", "1"}}, not_told},
           {"RANK set by hand, inside of Slurm", with(srun, {{"RANK", "0"}, {"WORLD_SIZE", "2"}}),
            "MASTER_ADDR is not set; the host of rank 0, by name or address"},
           {"an empty MASTER_ADDR is none", with(mpirun, {{"MASTER_ADDR", ""}}), not_told}}) {
    const Result<ProbeIdentity> identity = IdentityFrom(row.environment);
    const std::string found = identity ? identity->master_host : identity.error().Str();
    EXPECT_EQ(found.substr(0, row.host.size()), row.host) << row.name << ": " << found;
    if (!identity) continue;
    EXPECT_EQ(found, row.host) << row.name;
    EXPECT_EQ(identity->master_port, row.port) << row.name;
  }
}

TEST(Identity, EveryPortThatSlurmLeadsToIsOutsideOfTheEphemeralOnes) {
  for (const std::string job : {"0", "1", "99999", "67043328", "18446744073709551615"})
    for (const std::string step : {"0", "7", "4294967291"}) {
      const auto identity = IdentityFrom({{"SLURM_PROCID", "0"},
                                          {"SLURM_NTASKS", "2"},
                                          {"SLURM_STEP_NODELIST", "a,b"},
                                          {"SLURM_JOB_ID", job},
                                          {"SLURM_STEP_ID", step}});
      ASSERT_TRUE(identity.has_value());
      EXPECT_GE(identity->master_port, 10'000) << job;
      EXPECT_LE(identity->master_port, 19'999) << job;
    }
}

TEST(Identity, TheFirstHostOfSlurmsLists) {
  for (const auto& [list, first] :
       std::vector<std::pair<std::string, std::optional<std::string>>>{{"n1", "n1"},
                                                                       {"n1,n2", "n1"},
                                                                       {"a[01-03,7],b", "a01"},
                                                                       {"a[7,01-03]", "a7"},
                                                                       {"a[5]-ib,b", "a5-ib"},
                                                                       {"rack[1-2]node[08-11]", "rack1node08"},
                                                                       {"login,a[01-03]", "login"},
                                                                       {"n-1.example.org", "n-1.example.org"},
                                                                       {"", std::nullopt},
                                                                       {",n1", std::nullopt},
                                                                       {"a[01-03", std::nullopt},
                                                                       {"a[]", std::nullopt},
                                                                       {"a[b-c]", std::nullopt},
                                                                       {"a]1", std::nullopt},
                                                                       {"(null)", std::nullopt}})
    EXPECT_EQ(FirstHostOf(list), first) << list;
}

}  // namespace
}  // namespace everstep
