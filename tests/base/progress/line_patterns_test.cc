#include "base/progress/line_patterns.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace everstep {
namespace {

LinePatterns Make(const ProgressTable& table) {
  Result<LinePatterns> made = LinePatterns::Make(table);
  EXPECT_TRUE(made) << made.error().Str();
  return made.value_or(LinePatterns());
}
const ProgressKeys kKeys{.step = {"step"}, .total = {"total"}, .loss = {"loss"}};

TEST(LinePatterns, ThoseInFrontWin) {
  const LinePatterns patterns = Make({.json = kKeys, .lines = {{"a", "^at {step}/{total}"}, {"b", "{step}"}}});
  EXPECT_EQ(patterns.Read("at 3/9")->total, 9u);
  EXPECT_EQ(patterns.Read("say 3")->total, std::nullopt);
  EXPECT_LT(patterns.Read("at 3/9")->source, patterns.Read("say 3")->source);
  EXPECT_LT(patterns.Read(R"({"step":3,"loss":1})")->source, patterns.Read("at 3/9")->source);
  EXPECT_EQ(patterns.Read("no number"), std::nullopt);
}

TEST(LinePatterns, AJobsOwnExpressionIsTheOnlyOneThatTellsOfSteps) {
  const LinePatterns patterns =
      Make({.step = "global (\\d+)", .json = kKeys, .lines = {{"a", "at {step}/{total} loss {loss}"}}});
  EXPECT_EQ(patterns.Read("at 3/9 loss 1.5")->step, std::nullopt);
  EXPECT_EQ(patterns.Read("at 3/9 loss 1.5")->loss, "1.5");
  EXPECT_EQ(patterns.Read(R"({"step":3,"loss":2.5})")->step, std::nullopt);
  EXPECT_EQ(patterns.Read("global 12 of 13")->step, 12u);
  EXPECT_EQ(patterns.Read("global 99999999999999999999"), std::nullopt);
}

TEST(LinePatterns, WhatAJobMayAskFor) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"step (\\d+)", ""},
      {"step[ =](?:n)?(\\d+)", ""},
      {"step", "progress.step: found 0 groups, legal: exactly one, the step"},
      {"(a)(b)", "progress.step: found 2 groups, legal: exactly one, the step"},
      {"(", "progress.step: no regular expression: missing ): ("},
      {"(?<=x)(\\d+)", "progress.step: no regular expression: invalid perl operator: (?<"},
      {"(\\d+)\\1", "progress.step: no regular expression: invalid escape sequence: \\1"},
      {"((a{1,1000}){1,1000})", "progress.step: no regular expression: invalid repetition size: {1,1000}"},
  };
  for (const auto& [pattern, said] : rows) {
    const Status checked = CheckStepPattern(pattern);
    EXPECT_EQ(checked ? "" : checked.error().message, said) << pattern;
  }
}

// Backtracking would take until the end of time.
TEST(LinePatterns, AnEvilPatternOnAnEvilLineTakesLinearTime) {
  const LinePatterns patterns = Make({.step = "(?:a+)+(?:a+)+(?:a+)+b(\\d)"});
  EXPECT_EQ(patterns.Read(std::string(4096, 'a')), std::nullopt);
}

TEST(LinePatterns, BytesThatAreNoTextAreNoReasonToMissALine) {
  const LinePatterns patterns = Make({.lines = {{"bar", "^[^|]*\\|[^|]*\\| {step}/{total} "}}});
  EXPECT_EQ(patterns.Read(std::string_view("\xff\xfe|\x80\x00\x81| 3/9 ", 12))->step, 3u);
}

}  // namespace
}  // namespace everstep
