#include "launcher/cli/output.h"

#include <gtest/gtest.h>

namespace everstep {
namespace {

TEST(YamlOf, IsTheSameDataInBlocks) {
  EXPECT_EQ(YamlOf(R"({"id":"train-1","hosts":[{"node":"n1","ranks":2},{"node":"n4","ranks":2}],"spares":[],"step":null,)"
                   R"("at":{"x":{}},"loss":1.5,"ok":true,"words":["a",["b"]]})"),
            "id: train-1\n"
            "hosts:\n"
            "  - node: n1\n"
            "    ranks: 2\n"
            "  - node: n4\n"
            "    ranks: 2\n"
            "spares: []\n"
            "step: null\n"
            "at:\n"
            "  x: {}\n"
            "loss: 1.5\n"
            "ok: true\n"
            "words:\n"
            "  - a\n"
            "  -\n"
            "    - b\n");
  EXPECT_EQ(YamlOf(R"([{"a":{"b":1},"c":2},{"a":[1]}])"), "- a:\n    b: 1\n  c: 2\n- a:\n    - 1\n");
  EXPECT_EQ(YamlOf("[]"), "[]\n");
}

TEST(YamlOf, TextsThatAReaderCouldTakeForSomethingElseAreInQuotes) {
  const std::vector<std::pair<std::string, std::string>> rows = {{"running", "running"},
                                                                 {"no", "\"no\""},
                                                                 {"True", "\"True\""},
                                                                 {"10", "\"10\""},
                                                                 {"1e3", "\"1e3\""},
                                                                 {"", "\"\""},
                                                                 {"a: b", "\"a: b\""},
                                                                 {"a #b", "\"a #b\""},
                                                                 {"10.0.0.1:7450", "\"10.0.0.1:7450\""},
                                                                 {"- a", "\"- a\""},
                                                                 {"a ", "\"a \""},
                                                                 {"/ckpt/step-40.pt", "/ckpt/step-40.pt"},
                                                                 {"2026-07-14", "\"2026-07-14\""}};
  for (const auto& [text, yaml] : rows) EXPECT_EQ(YamlOf(ViewJson(std::vector{text})), "- " + yaml + "\n") << text;
  EXPECT_EQ(YamlOf(R"(["a\nb\"c"])"), "- \"a\\nb\\\"c\"\n");
}

TEST(WatchedPages, WhatIsTheSameIsNotPrintedAgain) {
  const Page first{.text = "a 1s\nb 1s\n", .identity = "a\nb\n"}, older{.text = "a 2s\nb 2s\n", .identity = "a\nb\n"};
  for (const auto format : {OutputFormat::table, OutputFormat::json, OutputFormat::yaml, OutputFormat::jsonl})
    EXPECT_EQ(ChangedText(format, first, older), "") << Name(format);
}

TEST(WatchedPages, WhatChangedIsPrintedAsTheFormatAllows) {
  const Page first{.text = "a 1s\nb 1s\n", .identity = "a\nb\n"}, next{.text = "a 2s\nB 2s\nc 0s\n", .identity = "a\nB\nc\n"};
  EXPECT_EQ(ChangedText(OutputFormat::table, first, next), "\na 2s\nB 2s\nc 0s\n");
  EXPECT_EQ(ChangedText(OutputFormat::json, first, next), "a 2s\nB 2s\nc 0s\n");
  EXPECT_EQ(ChangedText(OutputFormat::yaml, first, next), "---\na 2s\nB 2s\nc 0s\n");
  EXPECT_EQ(ChangedText(OutputFormat::jsonl, first, next), "B 2s\nc 0s\n") << "only the items that changed";
}

}  // namespace
}  // namespace everstep
