#include "launcher/config/launcher_flags.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/text.h"
#include "launcher/config/blame_file.h"

namespace everstep {
namespace {

using Variables = std::map<std::string, std::string>;

Result<LauncherSettings> From(std::vector<const char*> args, Variables variables = {{"HOME", "/home/me"}}) {
  args.insert(args.begin(), "everstep-launcher");
  return LauncherOptionsFrom(static_cast<int>(args.size()), args.data(), [&](const std::string& name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
}

class LauncherFlags : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "launcher_flags_XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string File(std::string_view text) {
    std::ofstream(directory_ + "/launcher.yaml") << text;
    return directory_ + "/launcher.yaml";
  }
  std::string directory_{};
};

TEST_F(LauncherFlags, WithoutAnyTheDefaultsHoldAndStateLivesInTheStateHome) {
  const auto settings = From({});
  ASSERT_TRUE(settings) << settings.error().Str();
  EXPECT_EQ(settings->options,
            (LauncherOptions{.state_dir = "/home/me/.local/state/everstep/launcher", .blame = *BlameRulesFrom({})}));
  EXPECT_FALSE(settings->print);
  const auto xdg = From({}, {{"HOME", "/home/me"}, {"XDG_STATE_HOME", "/x"}});
  ASSERT_TRUE(xdg);
  EXPECT_EQ(xdg->options.state_dir, "/x/everstep/launcher");
}

TEST_F(LauncherFlags, AFlagWinsOverItsVariableThatOverTheFileThatOverTheDefault) {
  const std::string file = File("listen: 10.0.0.1:1\nstate_dir: /from/file\ncluster: from-file\njobs_max: 7\n");
  const auto settings = From({"--config", file.c_str(), "--listen", "10.0.0.3:3"},
                             {{"EVERSTEP_LISTEN", "10.0.0.2:2"}, {"EVERSTEP_STATE", "/from/variable"}});
  ASSERT_TRUE(settings) << settings.error().Str();
  EXPECT_EQ(settings->options.listen, "10.0.0.3:3");
  EXPECT_EQ(settings->options.state_dir, "/from/variable");
  EXPECT_EQ(settings->options.cluster, "from-file");
  EXPECT_EQ(settings->options.history, LauncherOptions{}.history);
  const auto by_variable = From({}, {{"EVERSTEP_CONFIG", file}});
  ASSERT_TRUE(by_variable) << by_variable.error().Str();
  EXPECT_EQ(by_variable->options.jobs_max, 7u);
}

TEST_F(LauncherFlags, BothSpellingsOfAValueAndSwitchesWork) {
  const auto settings = From({"--listen=[::1]:0", "--insecure", "--state=/s", "--address-file", "/tmp/a"});
  ASSERT_TRUE(settings) << settings.error().Str();
  EXPECT_EQ(settings->options.listen, "[::1]:0");
  EXPECT_TRUE(settings->options.insecure);
  EXPECT_EQ(settings->options.address_file, "/tmp/a");
}

TEST_F(LauncherFlags, RelativePathsBecomeAbsolute) {
  const auto settings = From({"--state", "here"});
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->options.state_dir, (std::filesystem::current_path() / "here").string());
}

TEST_F(LauncherFlags, MistakesNameTheFlagOrTheVariable) {
  const std::vector<std::pair<std::vector<const char*>, std::string>> rows{
      {{"--lisen", "x"}, "unknown flag --lisen; did you mean `--listen`?"},
      {{"--verbose"}, "unknown flag --verbose; see --help"},
      {{"start"}, "found the argument \"start\", but only flags are legal; see --help"},
      {{"--listen"}, "--listen: found nothing, legal: HOST:PORT"},
      {{"--listen", "7450"}, "--listen: found \"7450\", legal: HOST:PORT such as 10.0.0.1:7450; add a port"},
      {{"--insecure=yes"}, "--insecure: found \"yes\", legal: true or false; write true"},
      {{"--config", "/nonexistent/x.yaml"}, "cannot read /nonexistent/x.yaml: No such file or directory"}};
  for (const auto& [args, problem] : rows) {
    const auto settings = From(args);
    ASSERT_FALSE(settings) << problem;
    EXPECT_EQ(settings.error().Str(), problem);
  }
  EXPECT_EQ(From({}, {{"HOME", "/h"}, {"EVERSTEP_INSECURE", "1"}}).error().Str(),
            "EVERSTEP_INSECURE: found \"1\", legal: true or false; write true");
  EXPECT_EQ(From({}, {}).error().Str(),
            "no place for state: neither XDG_STATE_HOME nor HOME is set; name a directory with --state");
}

TEST_F(LauncherFlags, ABadFileIsRefusedWhole) {
  const std::string file = File("jobs_max: 0\nlisten: 1\n");
  const auto settings = From({"--config", file.c_str(), "--listen", "10.0.0.3:3"});
  ASSERT_FALSE(settings);
  EXPECT_EQ(settings.error().message, Cat(file, ":1:11: jobs_max: found \"0\", legal: 1 to 1000000\n", file,
                                          ":2:9: listen: found \"1\", legal: HOST:PORT such as 10.0.0.1:7450; add a port"));
}

TEST_F(LauncherFlags, HelpVersionAndTheConfigInForceArePrintedInsteadOfRun) {
  const auto help = From({"--help"});
  ASSERT_TRUE(help && help->print);
  EXPECT_NE(help->print->find("  --listen HOST:PORT   "), std::string::npos) << *help->print;
  EXPECT_NE(help->print->find("[EVERSTEP_LISTEN]"), std::string::npos);
  EXPECT_EQ(From({"--version"}, {})->print->substr(0, 18), "everstep-launcher ");
  const auto config = From({"--print-config", "--listen", "10.0.0.3:3"});
  ASSERT_TRUE(config && config->print);
  EXPECT_NE(config->print->find("\nlisten: 10.0.0.3:3  #"), std::string::npos);
}

}  // namespace
}  // namespace everstep
