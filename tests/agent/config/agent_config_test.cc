#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "agent/config/agent_file.h"
#include "agent/config/agent_flags.h"
#include "base/ids.h"
#include "base/text.h"

namespace everstep {
namespace {

TEST(AgentFile, TheShippedFileIsTheTableWithItsDefaults) {
  std::ifstream in(EVERSTEP_SOURCE_DIR "/configs/agent.yaml");
  std::stringstream shipped;
  shipped << in.rdbuf();
  EXPECT_EQ(shipped.str(), WriteAgentFile({})) << "the file should be this table, printed";
}

TEST(AgentFile, ReadingTheShippedFileChangesNothing) {
  const auto options = yaml::Read<AgentOptions>(AgentFileTable(), WriteAgentFile({}), "agent.yaml");
  ASSERT_TRUE(options) << options.error().Str();
  EXPECT_EQ(*options, AgentOptions{});
}

// boot_id has a flag but no key: a file that is copied from host to host must not make them one host.
TEST(AgentFile, EveryOptionButTheBootIdCanBeSetAndComesBack) {
  const AgentOptions other{.node = "n1",
                           .launcher = "l:1",
                           .listen = "0.0.0.0:2",
                           .advertise = "n1:2",
                           .job_address = "10.0.0.7",
                           .state_dir = "/s",
                           .log_dir = "/l",
                           .keeper = "/k",
                           .insecure = true,
                           .accelerators = 8,
                           .log_bytes_max = 1u << 20,
                           .log_files_max = 2,
                           .log_gangs_max = 3,
                           .checkpoint_scan_every = 1s,
                           .progress_table = "/p"};
  const auto again = yaml::Read<AgentOptions>(AgentFileTable(), WriteAgentFile(other), "agent.yaml");
  ASSERT_TRUE(again) << again.error().Str();
  EXPECT_EQ(*again, other);
}

Result<AgentSettings> From(std::vector<const char*> args) {
  args.insert(args.begin(), "everstep-agent");
  return AgentOptionsFrom(static_cast<int>(args.size()), args.data(), [](const std::string& name) {
    return name == "HOME" ? std::optional<std::string>("/home/me") : std::nullopt;
  });
}

TEST(AgentFlags, WhatIsLeftOutIsChosen) {
  const auto settings = From({"--node", "n1"});
  ASSERT_TRUE(settings) << settings.error().Str();
  EXPECT_EQ(settings->options.node, "n1");
  EXPECT_EQ(settings->options.state_dir, "/home/me/.local/state/everstep/agent");
  EXPECT_EQ(settings->options.log_dir, "/home/me/.local/state/everstep/agent/logs");
  EXPECT_TRUE(settings->options.keeper.ends_with("/everstep-keeper")) << settings->options.keeper;
}

TEST(AgentFlags, AllOfThemAreUnderstood) {
  const auto settings =
      From({"--node=n1", "--launcher", "10.0.0.1:7450", "--listen", "10.0.0.2:7460", "--state", "/s", "--insecure", "--boot-id",
            "b-1", "--advertise", "h:1", "--job-address", "10.1.0.2", "--keeper", "/k"});
  ASSERT_TRUE(settings) << settings.error().Str();
  EXPECT_EQ(settings->options, (AgentOptions{.node = "n1",
                                             .launcher = "10.0.0.1:7450",
                                             .listen = "10.0.0.2:7460",
                                             .advertise = "h:1",
                                             .job_address = "10.1.0.2",
                                             .state_dir = "/s",
                                             .log_dir = "/s/logs",
                                             .keeper = "/k",
                                             .insecure = true,
                                             .boot_id = "b-1"}));
}

TEST(AgentFlags, ANameThatIsNoneIsRefused) {
  EXPECT_EQ(From({"--node", "N_1"}).error().Str(),
            "--node: found \"N_1\", legal: 1 to 63 of a-z, 0-9 and '-', not at either end or \"\"");
}

}  // namespace
}  // namespace everstep
