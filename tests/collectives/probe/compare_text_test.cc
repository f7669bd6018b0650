#include "collectives/probe/compare_text.h"

#include <gtest/gtest.h>

#include "base/json/value.h"

namespace everstep {
namespace {

ProbeTable Own() {
  ProbeTable own;
  own.ranks.resize(2);
  own.rows = {{.bytes = 1000, .count = 250, .out_of_place = {}, .in_place = {}},
              {.bytes = 1'000'000, .count = 250'000, .out_of_place = {}, .in_place = {}}};
  own.rows[0].in_place = {.microseconds = 10, .algorithm_gigabytes = 0.1, .bus_gigabytes = 0.1, .wrong = {}};
  own.rows[1].in_place = {.microseconds = 1000, .algorithm_gigabytes = 1, .bus_gigabytes = 1, .wrong = {}};
  return own;
}

std::vector<PeerColumn> Columns() {
  return {{.peer = ProbePeer::gloo, .library = "PyTorch 2", .why_not = {}, .microseconds = {{1000, 40}, {1'000'000, 500}}},
          {.peer = ProbePeer::nccl, .library = {}, .why_not = "rank 1 (n2): host n2 has no CUDA device", .microseconds = {}}};
}

TEST(CompareText, IsABandwidthAndARatioForEachPeerAndTheReasonOfWhoDidNotRun) {
  EXPECT_EQ(CompareText(Own(), Columns()),
            "#\n"
            "# Compared: busbw in place, GB/s; ratio: everstep / peer\n"
            "#         size   everstep       gloo   ratio       nccl   ratio\n"
            "#         1000     0.1000     0.0250    4.00          -       -\n"
            "#      1000000     1.0000     2.0000    0.50          -       -\n"
            "# gloo: PyTorch 2\n"
            "# nccl did not run: rank 1 (n2): host n2 has no CUDA device\n");
}

TEST(CompareText, JsonIsTheTablesWithOneKeyMore) {
  const std::string text = WithCompare(R"({"version":3})", Own(), Columns());
  ASSERT_TRUE(ParseJson(text).has_value()) << text;
  EXPECT_TRUE(text.starts_with(
      R"({"version":3,"compare":[{"peer":"gloo","program":"PyTorch 2","why_not":null,"results":[{"size":1000,"time":40)"))
      << text;
  EXPECT_NE(text.find(R"({"peer":"nccl","program":null,"why_not":"rank 1 (n2): host n2 has no CUDA device","results":[]}])"),
            std::string::npos)
      << text;
}

TEST(CompareText, APeersFiguresAreReadFromNcclTestsJsonWhateverIsPrintedBeforeIt) {
  PeerColumn column;
  ASSERT_TRUE(
      ReadPeerJson("a warning\n{\"program\": \"x 1\", \"results\": [{\"size\": 8, \"in_place\": {\"time\": 2.5}}]}\n", column));
  EXPECT_EQ(column.library, "x 1");
  EXPECT_EQ(column.microseconds, (std::map<std::uint64_t, double>{{8, 2.5}}));
  EXPECT_EQ(ReadPeerJson("nothing", column).error().message, "it printed no JSON");
  EXPECT_EQ(ReadPeerJson("{\"results\": [{\"size\": 8}]}", column).error().message,
            "its JSON has a result without size or time");
}

}  // namespace
}  // namespace everstep
