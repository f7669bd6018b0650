#include "launcher/config/launcher_file.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "base/text.h"

namespace everstep {
namespace {

Result<LauncherOptions> ReadLauncher(std::string_view text) {
  return yaml::Read<LauncherOptions>(LauncherFileTable(), text, "launcher.yaml", {},
                                     [](LauncherOptions& options) { return CheckLauncher(options); });
}

TEST(LauncherFile, TheShippedFileIsTheTableWithItsDefaults) {
  std::ifstream in(EVERSTEP_SOURCE_DIR "/configs/launcher.yaml");
  std::stringstream shipped;
  shipped << in.rdbuf();
  EXPECT_EQ(shipped.str(), WriteLauncherFile({})) << "the file should be this table, printed";
}

TEST(LauncherFile, ReadingTheShippedFileChangesNothing) {
  const auto options = ReadLauncher(WriteLauncherFile({}));
  ASSERT_TRUE(options) << options.error().Str();
  EXPECT_EQ(*options, LauncherOptions{});
}

TEST(LauncherFile, EveryOptionCanBeSetAndComesBack) {
  const LauncherOptions other{.cluster = "c",
                              .listen = "10.0.0.1:1",
                              .state_dir = "/s",
                              .address_file = "/a",
                              .insecure = true,
                              .beat_every = 100ms,
                              .suspect_after = 1s,
                              .lost_after = 20s,
                              .fence_after = 10s,
                              .agent_return = 1s,
                              .return_grace = 2s,
                              .fence_command = {"off", "--now"},
                              .fence_deadline = 3s,
                              .preflight_level = PreflightLevel::full,
                              .preflight_valid_for = 2h,
                              .preflight_unknown = PreflightUnknown::block,
                              .port_first = 1024,
                              .port_last = 1025,
                              .port_rest = 1min,
                              .blame_file = "/b",
                              .history = 24h,
                              .jobs_max = 5};
  const auto again = ReadLauncher(WriteLauncherFile(other));
  ASSERT_TRUE(again) << again.error().Str();
  EXPECT_EQ(*again, other);
}

TEST(LauncherFile, TheFastProfileSetsSeveralValuesAndWrittenKeysWin) {
  const auto fast = ReadLauncher("profile: fast\n");
  ASSERT_TRUE(fast) << fast.error().Str();
  EXPECT_EQ(fast->lost_after, 3300ms);
  EXPECT_EQ(fast->fence_after, 2500ms);
  const auto mixed = ReadLauncher("detection: {lost_after: 6s}\nprofile: fast\n");
  ASSERT_TRUE(mixed) << mixed.error().Str();
  EXPECT_EQ(mixed->lost_after, 6s) << "although it stands before the profile";
  EXPECT_EQ(mixed->fence_after, 2500ms);
}

TEST(LauncherFile, AFileThatIsPrintedLeavesItsProfileInCharge) {
  LauncherOptions fast;
  Apply(Profile::fast, fast);
  std::string printed = WriteLauncherFile(fast);
  EXPECT_NE(printed.find("\nprofile: fast  #"), std::string::npos) << printed;
  EXPECT_NE(printed.find("\n  # lost_after: 3.3s  #"), std::string::npos) << printed;
  EXPECT_EQ(ReadLauncher(printed), fast);
  printed.replace(printed.find("profile: fast"), 13, "profile: default");
  EXPECT_EQ(ReadLauncher(printed), LauncherOptions{}) << "a person turns it back";
}

struct BadFile {
  std::string name, text, problem;
};
class BadLauncherFiles : public testing::TestWithParam<BadFile> {};

TEST_P(BadLauncherFiles, SayWhereAndWhy) {
  const auto options = ReadLauncher(GetParam().text);
  ASSERT_FALSE(options);
  EXPECT_EQ(options.error().message, GetParam().problem);
}

INSTANTIATE_TEST_SUITE_P(
    LauncherFile, BadLauncherFiles,
    testing::ValuesIn(std::vector<BadFile>{
        {"Profile", "profile: fsat\n",
         "launcher.yaml:1:10: profile: found \"fsat\", legal: default or fast; did you mean `fast`?"},
        {"Flat", "lost_after: 5s\n",
         "launcher.yaml:1:1: lost_after: found an unknown key, legal: profile, cluster, listen, state_dir, address_file, "
         "insecure, detection, fence, health, preflight, ports, blame, history, jobs_max"},
        {"LostBeforeFence", "detection:\n  lost_after: 4s\n",
         "launcher.yaml:2:3: detection.lost_after: found 4s, legal: at least 4.9s, because a lost host must have killed its "
         "own "
         "gangs before others take over (fence.after x 1.1 + 0.5s)"},
        {"FenceAloneBreaksIt", "cluster: a\nfence: {after: 5s}\n",
         "launcher.yaml:1:1: detection.lost_after: found 5s, legal: at least 6s, because a lost host must have killed its own "
         "gangs before others take over (fence.after x 1.1 + 0.5s)"},
        {"OneLateBeat", "detection: {beat_every: 1s}\n",
         "launcher.yaml:1:1: detection.suspect_after: found 1.5s, legal: at least 2s, because one late beat is no silence"},
        {"SuspectAfterLost", "detection: {suspect_after: 5s}\n",
         "launcher.yaml:1:1: detection.lost_after: found 5s, legal: more than 5s, because a host is suspect before it is "
         "lost"},
        {"FenceTooQuick", "fence: {after: 1s}\n",
         "launcher.yaml:1:9: fence.after: found 1s, legal: at least 1.5s, because two lost beats must not kill a gang"},
        {"Ports", "ports: {first: 30000}\n", "launcher.yaml:1:1: ports.last: found 29999, legal: at least ports.first, 30000"},
        {"Port", "ports: {first: 80}\n", "launcher.yaml:1:16: ports.first: found \"80\", legal: 1024 to 65535"},
        {"Hook", "fence: {command: power-off}\n",
         "launcher.yaml:1:18: fence.command: found \"power-off\", legal: a list such as [/usr/sbin/power-off, --now]"},
    }),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace everstep
