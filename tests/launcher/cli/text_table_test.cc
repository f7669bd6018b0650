#include "launcher/cli/text_table.h"

#include <gtest/gtest.h>

namespace everstep {
namespace {

const TextTable kTable{
    .titles = {"JOB", "PHASE", "WHY"},
    .rows = {{"train-1", "running", "all 3 ranks run"}, {"a-long-name-12", "", "n2 lost: no answer\nfrom anybody"}}};

TEST(TextTable, ColumnsAreAsWideAsTheirWidestCell) {
  EXPECT_EQ(Render(kTable, {}),
            "JOB             PHASE    WHY\n"
            "train-1         running  all 3 ranks run\n"
            "a-long-name-12  -        n2 lost: no answer from anybody\n");
}

TEST(TextTable, OnATerminalTheLastColumnIsCutToFit) {
  EXPECT_EQ(Render(kTable, {.columns = 40}),
            "JOB             PHASE    WHY\n"
            "train-1         running  all 3 ranks run\n"
            "a-long-name-12  -        n2 lost: no an…\n");
}

TEST(TextTable, ANarrowTerminalStillShowsTheBeginningOfASentence) {
  EXPECT_EQ(Render(kTable, {.titles = false, .columns = 20}),
            "train-1         running  all 3 ranks…\n"
            "a-long-name-12  -        n2 lost: no…\n");
}

TEST(TextTable, CharactersCountNotBytesAndControlsDoNotReachTheTerminal) {
  const TextTable table{.titles = {"A", "B"}, .rows = {{"é…é", "x\x1b[31my"}, {"abcd", "\tz"}}};
  EXPECT_EQ(Render(table, {.titles = false}), "é…é   x?[31my\nabcd   z\n");
}

TEST(TextTable, AnEmptyTableIsItsTitles) { EXPECT_EQ(Render({.titles = {"A", "B"}, .rows = {}}, {}), "A  B\n"); }

}  // namespace
}  // namespace everstep
