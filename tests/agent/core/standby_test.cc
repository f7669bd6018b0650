#include "agent/core/standby.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace everstep {
namespace {

KeeperStart Running(const std::string& command) {
  return {.workdir = "/srv/run1",
          .ranks = {{.rank = 2, .local_rank = 0, .argv = Split(command, ' '), .env = {"RANK=2"}, .progress_file = "/spool/p"},
                    {.rank = 3, .local_rank = 1, .argv = Split(command, ' '), .env = {"RANK=3"}}}};
}

TEST(Standby, EachRankWaitsInTheInterpreterOfItsCommandWithTheModulesImported) {
  const auto standby = StandbyFor(Running("/usr/bin/python3 -u train.py --rank=2"), {"torch", "transformers"});
  ASSERT_TRUE(standby);
  EXPECT_EQ(standby->workdir, "/srv/run1");
  EXPECT_EQ(standby->interpreter_words, 2u);
  ASSERT_EQ(standby->ranks.size(), 2u);
  const RankCommand& second = standby->ranks[1];
  EXPECT_EQ(second.rank, 3u);
  EXPECT_EQ(second.local_rank, 1u);
  EXPECT_EQ(second.env, std::vector<std::string>{"RANK=3"});
  EXPECT_EQ(second.argv,
            (std::vector<std::string>{"/usr/bin/python3", "-u", "-c", std::string(StandbyProgram()), "torch", "transformers"}));
  EXPECT_EQ(standby->ranks[0].progress_file, "") << "it tells of no progress";
}

TEST(Standby, NobodyWaitsForACommandThatIsNoPython) { EXPECT_FALSE(StandbyFor(Running("/srv/run1/a.out --lr 1"), {"torch"})); }

}  // namespace
}  // namespace everstep
