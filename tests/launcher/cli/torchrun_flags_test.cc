#include "launcher/cli/torchrun_flags.h"

#include <gtest/gtest.h>

namespace everstep {
namespace {

OutputChoice Choice(const TorchrunFlags& flags) {
  const auto choice = OutputOf(flags, "/home/me");
  EXPECT_TRUE(choice) << choice.error().Str();
  return choice.value_or(OutputChoice{});
}

TEST(TorchrunFlags, RedirectsTakeAwayAndTeeShowsAgain) {
  struct Row {
    std::string redirects, tee;
    std::string shown;  // of ranks 0 and 1, stdout and stderr of each
  };
  const std::vector<Row> rows = {{"0", "0", "oeoe"}, {"1", "0", "-e-e"},   {"3", "0", "----"},       {"3", "1", "o-o-"},
                                 {"3", "3", "oeoe"}, {"0:3", "0", "--oe"}, {"0:1,1:2", "0", "-eo-"}, {"3", "1:2", "---e"}};
  for (const Row& row : rows) {
    const OutputChoice choice = Choice({.redirects = row.redirects, .tee = row.tee});
    std::string shown;
    for (const std::uint32_t rank : {0u, 1u}) {
      shown += choice.Shows(rank, false) ? 'o' : '-';
      shown += choice.Shows(rank, true) ? 'e' : '-';
    }
    EXPECT_EQ(shown, row.shown) << row.redirects << ' ' << row.tee;
  }
}

TEST(TorchrunFlags, OnlySomeRanksOfEachHostAreShown) {
  const OutputChoice choice = Choice({.local_ranks = "0,2-3"});
  EXPECT_TRUE(choice.Shows(0, false));
  EXPECT_FALSE(choice.Shows(1, false));
  EXPECT_TRUE(choice.Shows(3, true));
  EXPECT_FALSE(choice.Plain());
}

TEST(TorchrunFlags, ADirectoryGetsWhatWasNamedOrEverything) {
  const OutputChoice all = Choice({.log_dir = "logs"});
  EXPECT_EQ(all.directory, "/home/me/logs");
  EXPECT_TRUE(all.Files(5, true) && all.Shows(5, true));
  const OutputChoice some = Choice({.redirects = "1", .log_dir = "/l"});
  EXPECT_TRUE(some.Files(0, false));
  EXPECT_FALSE(some.Files(0, true));
  EXPECT_FALSE(Choice({.redirects = "3"}).Files(0, false)) << "without a directory there is no file";
  EXPECT_TRUE(Choice({}).Plain());
}

TEST(TorchrunFlags, MistakesNameTheFlag) {
  const std::string streams = "legal: 0, 1 (stdout), 2 (stderr) or 3 (both), or by local rank 0:1,1:3";
  const std::vector<std::pair<TorchrunFlags, std::string>> rows = {
      {{.redirects = "4"}, "--redirects: found \"4\", " + streams},
      {{.tee = "out"}, "--tee: found \"out\", " + streams},
      {{.tee = "0:1,0:2"}, "--tee: found \"0:1,0:2\", " + streams},
      {{.tee = ""}, "--tee: found \"\", " + streams},
      {{.local_ranks = "a"}, "--local-ranks-filter: found \"a\", legal: numbers such as 0,1 or 0-3"}};
  for (const auto& [flags, problem] : rows) {
    const auto choice = OutputOf(flags, "/");
    ASSERT_FALSE(choice) << problem;
    EXPECT_EQ(choice.error().Str(), problem);
  }
}

TEST(TorchrunFlags, WhatHasNoEffectSaysWhyOnceForAllOfAKind) {
  EXPECT_EQ(WhyIgnored({}), "");
  EXPECT_EQ(
      WhyIgnored({"--master-port", "--rdzv-id", "--node-rank"}),
      "--rdzv-id and --master-port have no effect: the launcher places the ranks, and chooses MASTER_ADDR and MASTER_PORT "
      "anew for each start\n"
      "--node-rank has no effect: everstep run is typed once, anywhere, and not on each host\n");
}

}  // namespace
}  // namespace everstep
