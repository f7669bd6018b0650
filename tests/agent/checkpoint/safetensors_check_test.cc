#include "agent/checkpoint/safetensors_check.h"

#include <gtest/gtest.h>

#include "tests/agent/checkpoint/fixtures.h"

namespace everstep {
namespace {

Result<std::string> Check(const std::string& bytes) {
  const TempDir dir;
  Overwrite(dir / "x.safetensors", bytes);
  const Result<InputFile> file = InputFile::Open(dir / "x.safetensors");
  return CheckSafetensors(*file);
}

TEST(SafetensorsCheck, AWholeFileIsRecognisedAndOneCutAtAnyByteIsTorn) {
  const std::string whole = SmallSafetensors();
  EXPECT_EQ(Check(whole), "safetensors with 2 tensors, offsets match the size");
  for (std::size_t size = 0; size < whole.size(); ++size)
    ASSERT_EQ(Check(whole.substr(0, size)).error().code, ErrorCode::kCorrupt) << "cut at " << size;
}

TEST(SafetensorsCheck, EachWayToBeTornIsNamed) {
  struct Row {
    std::string header, data, why;
  };
  const std::string a = R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]})";
  const Row rows[] = {
      {"{" + a + "}", "1234567", "safetensors with 7 bytes of data, its header promises 8"},
      {"{" + a + "}", "123456789", "safetensors with 9 bytes of data, its header promises 8"},
      {"{" + a + R"(,"b":{"dtype":"U8","shape":[1],"data_offsets":[9,10]}})", "1234567890",
       "safetensors with a gap or overlap at byte 8 of its data"},
      {"{" + a + R"(,"b":{"dtype":"U8","shape":[3],"data_offsets":[7,10]}})", "1234567890",
       "safetensors with a gap or overlap at byte 8 of its data"},
      {R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", "12345678",
       "safetensors whose header has tensor a with 8 bytes where its shape needs 12"},
      {R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}})", "12345678",
       "safetensors whose header has a shape beyond 2^64 elements"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", "12345678",
       "safetensors whose header has no data_offsets for tensor a"},
      {R"({"a":{"dtype":"F32","shape":[2]}})", "", "safetensors whose header has no data_offsets for tensor a"},
      {R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", "12345678",
       "safetensors whose header has a negative number"},
      {R"({"a":)", "", "safetensors whose header has no JSON at byte 6"},
      {"[]", "", "safetensors whose header has no JSON object"},
      {std::string(3, '\0'), "", "safetensors whose header has no JSON object"},
      {"{\"a\":" + std::string(1000, '['), "", "safetensors whose header has nesting deeper than 8"},
  };
  for (const Row& row : rows) {
    const Result<std::string> checked = Check(Safetensors(row.header, row.data));
    ASSERT_FALSE(checked) << row.why;
    EXPECT_EQ(checked.error().message, row.why);
  }
  EXPECT_EQ(Check(std::string(8, '\xff') + "{}").error().message,
            "safetensors with a header of 18446744073709551615 bytes, legal: at most 100000000");
}

TEST(SafetensorsCheck, ATypeNewerThanTheTableIsNotHeldAgainstTheFile) {
  EXPECT_TRUE(Check(Safetensors(R"({"a":{"dtype":"F4","shape":[4],"data_offsets":[0,2]}})", "12")));
}

}  // namespace
}  // namespace everstep
