#include "agent/checkpoint/pickle_scan.h"

#include <gtest/gtest.h>

#include "agent/checkpoint/sharded_claim.h"
#include "base/text.h"
#include "tests/agent/checkpoint/fixtures.h"

namespace everstep {
namespace {

// "a, 5, -, b" for the text a, the number 5, something else and the text b; or
// "torn".
std::string Scanned(std::string_view pickle) {
  std::vector<std::string> values;
  const Status whole = ScanPickle(pickle, [&](const PickleValue& value) {
    values.push_back(value.text ? std::string(*value.text) : value.number ? Cat(*value.number) : "-");
  });
  return whole ? Join(values) : "torn";
}

// With the zero bytes in it.
template <std::size_t n>
std::string_view Bytes(const char (&text)[n]) {
  return {text, n - 1};
}

TEST(PickleScan, TextAndNumbersComeInOrderAndTheMemoIsLookedUp) {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {Bytes("."), ""},
      {Bytes("\x80\x04K\x05."), "5"},
      {Bytes("\x80\x04\x8c\x01"
             "a\x94K\x05h\x00."),
       "a, 5, a"},
      {Bytes("\x80\x02X\x01\x00\x00\x00"
             "bq\x07h\x07."),
       "b, b"},
      {Bytes("M\x2b\x03."), "811"},
      {Bytes("J\xff\xff\xff\xff."), "-"},
      {Bytes("J\x00\x00\x00\x40."), "1073741824"},
      {Bytes("\x8a\x05\x00\x00\x00\x00\x01."), "4294967296"},
      {Bytes("\x8a\x01\xff."), "-"},
      {Bytes("I12\n."), "12"},
      {Bytes("L12L\n."), "12"},
      {Bytes("Vword\n."), "word"},
      {Bytes("h\x09."), "-"},
      {Bytes(""), "torn"},
      {Bytes("K\x05"), "torn"},
      {Bytes("K"), "torn"},
      {Bytes("X\xff\xff\xff\x7f"
             "a."),
       "torn"},
      {Bytes("\x8d\xff\xff\xff\xff\xff\xff\xff\xff."), "torn"},
      {Bytes("\xff."), "torn"},
      {"..", "torn"},
      {Bytes("Vword."), "torn"},
  };
  for (const auto& [pickle, values] : rows) EXPECT_EQ(Scanned(pickle), values) << Printable(pickle);
}

TEST(PickleScan, TheShardsOfARealMetadataComeWithTheirParts) {
  const std::string metadata = ReadBack(EVERSTEP_SOURCE_DIR "/tests/testdata/checkpoints/dcp/step-20/.metadata");
  const auto shards = ShardsNamedIn(metadata);
  ASSERT_TRUE(shards) << shards.error().Str();
  ASSERT_EQ(shards->size(), 2u);
  EXPECT_EQ(shards->at("__0_0.distcp"), (std::vector<ShardPart>{{0, 811}, {811, 811}}));
  for (std::size_t size = 0; size < metadata.size(); ++size)
    EXPECT_FALSE(ShardsNamedIn(std::string_view(metadata).substr(0, size))) << size;
}

}  // namespace
}  // namespace everstep
