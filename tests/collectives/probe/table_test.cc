#include "collectives/probe/table.h"

#include <gtest/gtest.h>

#include "base/json/value.h"

namespace everstep {
namespace {

ProbeTable Table() {
  ProbeTable table;
  table.program = "everstep-probe 0.1.0, libfabric 1.17";
  table.started = "2026-01-02 03:04:05";
  table.ended = "2026-01-02 03:04:06";
  table.arguments = {"allreduce", "-b", "1K"};
  table.options.bytes_min = 1024;
  table.options.bytes_max = 4096;
  table.options.step_factor = 4;
  table.ranks = {{.rank = 0, .pid = 42, .host = "n1", .device = "tcp;ofi_rxm eth0"}};
  table.rows = {
      {.bytes = 1024,
       .count = 256,
       .out_of_place = {.microseconds = 12.345, .algorithm_gigabytes = 0.083, .bus_gigabytes = 0.124, .wrong = 0},
       .in_place = {.microseconds = 123456.7, .algorithm_gigabytes = 123.45, .bus_gigabytes = 1234.5, .wrong = std::nullopt}},
      {.bytes = 4096,
       .count = 1024,
       .out_of_place = {.microseconds = 1, .algorithm_gigabytes = 1, .bus_gigabytes = 2, .wrong = 3},
       .in_place = {}}};
  return table;
}

// Lines as nccl-tests 2.17 prints them: the widths are what parsers cut by.
TEST(Table, IsNcclTestsToTheLetter) {
  const ProbeTable table = Table();
  EXPECT_EQ(
      TableHead(table),
      "# everstep-probe 0.1.0, libfabric 1.17\n"
      "# Collective test starting: all_reduce_perf\n"
      "# nThread 1 nGpus 1 minBytes 1024 maxBytes 4096 step: 4(factor) warmup iters: 5 iters: 20 agg iters: 1 validation: 1 "
      "graph: 0 unalign: 0\n"
      "#\n"
      "# Using devices\n"
      "#  Rank  0 Group  0 Pid     42 on         n1 device  0 [0000:00:00] tcp;ofi_rxm eth0\n"
      "#\n"
      "#                                                              out-of-place                       in-place          \n"
      "#       size         count      type   redop    root     time   algbw   busbw  #wrong     time   algbw   busbw  #wrong "
      "\n"
      "#        (B)    (elements)                               (us)  (GB/s)  (GB/s)             (us)  (GB/s)  (GB/s)         "
      "\n");
  EXPECT_EQ(TableLine(table, table.rows[0]),
            "        1024           256     float     sum      -1    12.35    0.08    0.12       0   123457  123.45  1234.5    "
            " N/A\n");
  EXPECT_EQ(TableFoot(table),
            "# Out of bounds values : 3 FAILED\n# Avg bus bandwidth    : 309.156 \n#\n# Collective test concluded: "
            "all_reduce_perf\n");
}

TEST(Table, TheFooterSaysWhoHeldTheOthersUpIfAnybodyDid) {
  ProbeTable table = Table();
  table.waits = "rank 1 was waited for 1 s and waited 0.05 s itself";
  EXPECT_NE(TableFoot(table).find("\n# Waits                : rank 1 was waited for 1 s and waited 0.05 s itself\n#\n"),
            std::string::npos);
}

TEST(Table, JsonIsJsonAndHasNcclTestsKeys) {
  const Result<JsonValue> json = ParseJson(TableJson(Table()));
  ASSERT_TRUE(json.has_value()) << json.error().Str();
  std::vector<std::string> keys;
  for (const JsonMember& member : std::get<JsonValue::Object>(json->is)) keys.push_back(member.key);
  EXPECT_EQ(keys, (std::vector<std::string>{"version", "program", "start_time", "args", "config", "devices", "results",
                                            "out_of_bounds", "average_bus_bandwidth", "end_time"}));
}

}  // namespace
}  // namespace everstep
