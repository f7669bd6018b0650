#include "launcher/cli/argv.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace everstep {
namespace {

using Words = std::vector<std::string>;

SplitArgv SplitRun(const Words& words) {
  return SplitCommand(
      words, [](std::string_view flag) { return flag == "--nnodes" || flag == "--nproc-per-node" || flag == "--env"; });
}

struct Row {
  std::string name;
  Words words, ours, command;
};
class CommandBegins : public testing::TestWithParam<Row> {};

TEST_P(CommandBegins, WhereTheFlagsEnd) {
  const SplitArgv split = SplitRun(GetParam().words);
  EXPECT_EQ(Join(split.ours, "|"), Join(GetParam().ours, "|"));
  EXPECT_EQ(Join(split.command, "|"), Join(GetParam().command, "|"));
}

INSTANTIATE_TEST_SUITE_P(
    Argv, CommandBegins,
    testing::ValuesIn(std::vector<Row>{
        {"AfterTwoDashes", {"--nnodes", "2", "--", "-x", "--nnodes", "3"}, {"--nnodes=2"}, {"-x", "--nnodes", "3"}},
        {"AtTheScript", {"--nnodes", "2", "train.py", "--epochs", "3"}, {"--nnodes=2"}, {"train.py", "--epochs", "3"}},
        {"TorchrunsSpelling", {"--nproc_per_node", "4", "t.py"}, {"--nproc-per-node=4"}, {"t.py"}},
        {"UnderscoresOfAValueStay", {"--env=MY_NAME=a_b", "t.py"}, {"--env=MY_NAME=a_b"}, {"t.py"}},
        {"AValueThatLooksLikeAFlag", {"--env", "--x", "t.py"}, {"--env=--x"}, {"t.py"}},
        {"SwitchesTakeNoWord", {"--insecure", "t.py"}, {"--insecure"}, {"t.py"}},
        {"ShortFlags", {"-m", "pkg.train", "-v"}, {"-m"}, {"pkg.train", "-v"}},
        {"OnlyFlags", {"--help"}, {"--help"}, {}},
        {"AMissingValue", {"--nnodes"}, {"--nnodes"}, {}},
        {"ALoneDashIsACommand", {"-", "x"}, {}, {"-", "x"}},
        {"DashesOfTheCommandStay", {"--", "sh", "--", "x"}, {}, {"sh", "--", "x"}},
    }),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace everstep
