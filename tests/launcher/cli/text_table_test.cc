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

TEST(TextTable, ASentenceThatHasNoRoomBesideItsRowStandsBelowIt) {
  const TextTable table{
      .titles = {"TIME", "JOB", "CAUSE"},
      .rows = {{"13:17:13", "breaks-2", "rank 0 on n3 exited with code 3: ValueError: boom"}, {"13:17:17", "b-1", "short"}}};
  EXPECT_EQ(Render(table, {.columns = 42, .wrap = true}),
            "TIME      JOB       CAUSE\n"
            "13:17:13  breaks-2\n"
            "    rank 0 on n3 exited with code 3:\n"
            "    ValueError: boom\n"
            "13:17:17  b-1       short\n");
  EXPECT_EQ(Render(table, {.columns = 52, .wrap = true}),
            "TIME      JOB       CAUSE\n"
            "13:17:13  breaks-2  rank 0 on n3 exited with code 3:\n"
            "                    ValueError: boom\n"
            "13:17:17  b-1       short\n");
}

TEST(TextTable, AStateHasAColourAndItsColumnItsWidth) {
  const TextTable table{.titles = {"NODE", "STATE", "WHY"},
                        .rows = {{"n1", "ready", "x"}, {"n2", "lost", "ready"}, {"n3", "odd", "y"}},
                        .states = 1};
  EXPECT_EQ(Render(table, {.colour = true}),
            "NODE  STATE  WHY\n"
            "n1    \x1b[32mready\x1b[0m  x\n"
            "n2    \x1b[31mlost\x1b[0m   ready\n"
            "n3    odd    y\n");
}

TEST(TextTable, AnEmptyTableIsItsTitles) { EXPECT_EQ(Render({.titles = {"A", "B"}, .rows = {}}, {}), "A  B\n"); }

}  // namespace
}  // namespace everstep
