#include <gtest/gtest.h>

#include "base/json/value.h"
#include "collectives/probe/pair_bench.h"

namespace everstep {
namespace {

PairFindings Three() {
  PairFindings findings;
  findings.hosts.names = {"n1", "n2", "n3"};
  findings.rounds = 3;
  findings.seed = 7;
  findings.scores[0].median = 1e9;
  findings.scores[0].why = "6 transfers, median 1 GB/s; slow is below 0.9 of it";
  findings.pairs = {
      {.pair = {0, 1},
       .rail = 0,
       .latency_p50 = 20e-6,
       .latency_p99 = 30e-6,
       .one_way = {1e9, 1.1e9},
       .both_ways = 2e9,
       .wrong = {false, true}},
      {.pair = {0, 2},
       .rail = 0,
       .latency_p50 = 22e-6,
       .latency_p99 = 90e-6,
       .one_way = {1e9, 0.05e9},
       .both_ways = 1e9,
       .wrong = {}},
      {.pair = {1, 2}, .rail = 0, .latency_p50 = 0, .latency_p99 = 0, .one_way = {}, .both_ways = {}, .wrong = {}}};
  findings.verdicts = {{.kind = VerdictKind::link,
                        .hosts = {1, 2},
                        .rail = {},
                        .racks = {},
                        .tested = 4,
                        .failed = 4,
                        .ratio = 0,
                        .why = "n2 and n3 failed"}};
  return findings;
}

TEST(PairText, IsAMatrixAHeatMapAndVerdicts) {
  EXPECT_EQ(PairText(Three()),
            "# 3 rounds, 3 tests, seed 7\n"
            "# 6 transfers, median 1 GB/s; slow is below 0.9 of it\n"
            "# GB/s from (row) to (column)\n"
            "#            0      1      2\n"
            "      0      -   1.00   1.00  |\\  |  n1\n"
            "      1   1.10      -      x  |!\\x|  n2\n"
            "      2   0.05      x      -  |@x\\|  n3\n"
            "# heat: \" .:-=+*#%@\" from like the median to ten times slower, ! wrong data, x no answer, ? not tested\n"
            "# latency: median pair p50 21.0 us, p99 60.0 us; worst pair p50 22.0 us, p99 90.0 us\n"
            "# LINK: n2 and n3 failed\n");
}

TEST(PairText, EveryRailHasItsOwnMatrix) {
  PairFindings two;
  two.hosts.names = {"n1", "n2"};
  two.hosts.rails = 2;
  two.scores.resize(2);
  two.scores[0].median = 1e9;
  two.scores[1].median = 2e9;
  two.scores[0].why = "slow below 0.9";
  two.scores[1].why = "slow below 1.9";
  two.rounds = 1;
  for (const std::uint32_t rail : {0u, 1u})
    two.pairs.push_back({.pair = {0, 1},
                         .rail = rail,
                         .latency_p50 = 20e-6,
                         .latency_p99 = 30e-6,
                         .one_way = {rail == 0 ? 1e9 : 2e9, rail == 0 ? 1e9 : 0.1e9},
                         .both_ways = 2e9,
                         .wrong = {}});
  const std::string text = PairText(two);
  EXPECT_TRUE(
      text.starts_with("# 1 rounds, 1 tests, seed 0\n# rail 0: slow below 0.9\n# rail 1: slow below 1.9\n"
                       "# rail 0: GB/s from (row) to (column)\n"
                       "#            0      1\n"
                       "      0      -   1.00  |\\ |  n1\n"
                       "      1   1.00      -  | \\|  n2\n"))
      << text;
  EXPECT_NE(text.find("# rail 1: GB/s from (row) to (column)\n"
                      "#            0      1\n"
                      "      0      -   2.00  |\\ |  n1\n"
                      "      1   0.10      -  |@\\|  n2\n"),
            std::string::npos)
      << text;
  EXPECT_NE(PairJson(two).find(R"("a":"n1","b":"n2","rail":1,)"), std::string::npos);
}

TEST(PairText, WithoutATestNothingIsSaidToBeGood) {
  PairFindings none;
  none.hosts.names = {"n1"};
  EXPECT_NE(PairText(none).find("# UNKNOWN: nothing was tested\n"), std::string::npos);
}

TEST(PairText, JsonHasNullForWhatDidNotCome) {
  const std::string text = PairJson(Three());
  ASSERT_TRUE(ParseJson(text).has_value());
  EXPECT_NE(text.find(R"({"a":"n2","b":"n3","rail":0,"latency_p50_seconds":null)"), std::string::npos) << text;
}

}  // namespace
}  // namespace everstep
