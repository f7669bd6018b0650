#include "base/json/codec.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>

#include "base/json/bytes.h"
#include "base/messages.h"
#include "base/rng.h"
#include "base/seam/processes.h"

namespace everstep {
namespace {

template <class T>
std::string ErrorOf(std::string_view text, const JsonLimits& limits = {}) {
  const Result<T> result = FromJson<T>(text, limits);
  return result ? "read" : result.error().Str();
}

Prepare AFullPrepare() {
  return {.epoch = Epoch(2),
          .id = CommandId(std::numeric_limits<std::uint64_t>::max()),
          .gang = {.job = JobId("llama-1"),
                   .generation = Generation(3),
                   .command = {"python3", "tr\"ain\\.py", ""},
                   .env = {{"B", "2"}, {"A", "line\nbreak\ttab\x01"}},
                   .checkpoint = CheckpointSpec{.dir = "/ckpt", .complete_when = {.kind = CompleteWhenKind::marker}},
                   .resume = CheckpointSeen{.step = 40, .files = {{.size = 1, .mtime_ns = -5}}}}};
}

TEST(JsonCodec, AStructIsAnObjectWithItsFieldsInOrderAndEmptyOptionalsLeftOut) {
  EXPECT_EQ(ToJson(RankExit{.signal = 9, .at = AtNanoseconds(-7), .tail = "x"}),
            R"({"signal":9,"oom_kill":false,"stopped_by_us":false,"at":-7,"tail":"x","kernel":""})");
  EXPECT_EQ(
      ToJson(GangStatus{.job = JobId("j"), .phase = GangPhase::empty, .ranks = {{.rank = 1}}}),
      R"({"job":"j","generation":0,"phase":"empty","why":"","fenced":false,"ranks":[{"rank":1,"pid":0}],"checkpoint_dir_id":""})");
}

TEST(JsonCodec, EveryMessageComesBackAsItWentOut) {
  const ToAgent message = AFullPrepare();
  const std::string text = ToJson(message);
  const auto back = FromJson<ToAgent>(text);
  ASSERT_TRUE(back) << back.error().Str();
  EXPECT_EQ(*back, message);
  EXPECT_EQ(ToJson(*back), text) << "equal values, equal bytes";
}

TEST(JsonCodec, AVariantIsAnObjectWithTheNameOfItsAlternative) {
  EXPECT_EQ(ToJson(ToKeeper(KeeperQuit{})), R"({"quit":{}})");
  EXPECT_EQ(ToJson(ToKeeper(KeeperStop{.grace = 2s})), R"({"stop":{"grace":2000000000}})");
  const auto back = FromJson<ToKeeper>(R"({"stop":{"grace":5}})");
  ASSERT_TRUE(back);
  EXPECT_EQ(std::get<KeeperStop>(*back).grace, 5ns);
}

TEST(JsonCodec, AnAbsentFieldKeepsItsDefault) {
  const auto job = FromJson<JobSpec>(R"({"command":["a"]})");
  ASSERT_TRUE(job);
  EXPECT_EQ(*job, (JobSpec{.command = {"a"}}));
}

TEST(JsonCodec, MapsByIdAndNumberAndSetsComeBack) {
  using Shape = std::map<JobId, std::map<Generation, std::set<NodeId>>>;
  const Shape shape{{JobId("a"), {{Generation(2), {NodeId("x"), NodeId("y")}}, {Generation(10), {}}}}};
  EXPECT_EQ(ToJson(shape), R"({"a":{"2":["x","y"],"10":[]}})");
  EXPECT_EQ(FromJson<Shape>(ToJson(shape)), shape);
  EXPECT_EQ((ErrorOf<std::map<Generation, bool>>(R"({"1":true,"01":true})")), "01: this key stands twice");
  EXPECT_EQ((ErrorOf<std::map<Generation, bool>>(R"({"-1":true})")), "-1: this key is no whole number in range");
  EXPECT_EQ(ErrorOf<std::set<NodeId>>(R"(["a","a"])"), "[1]: found \"a\", expected a value that did not stand before");
}

TEST(JsonCodec, NumbersKeepAll64BitsAndDoublesTheirExactValue) {
  for (const std::int64_t n :
       {std::numeric_limits<std::int64_t>::min(), std::int64_t{-1}, std::int64_t{0}, std::numeric_limits<std::int64_t>::max()})
    EXPECT_EQ(FromJson<std::int64_t>(ToJson(n)), n);
  EXPECT_EQ(FromJson<std::uint64_t>("18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
  for (const double d : {0.1, 1e300, -5e-324, 3.0}) EXPECT_EQ(FromJson<double>(ToJson(d)), d);
  EXPECT_EQ(ToJson(std::numeric_limits<double>::infinity()), "null");
  EXPECT_TRUE(std::isnan(FromJson<double>("null").value()));
}

struct Row {
  std::string_view text;
  std::string_view error;
};

TEST(JsonCodec, WhatIsNotUnderstoodIsRefusedWithItsPlace) {
  const Row rows[] = {
      {R"({"gangs":[{"job":"j"},{"fase":"x"}]})",
       "gangs[1]: unknown key \"fase\", known are job, generation, phase, refusal, why, fenced, ranks, progress or "
       "checkpoint_dir_id"},
      {R"({"gangs":[{"phase":"runing"}]})",
       "gangs[0].phase: found \"runing\", expected preparing, prepared, refused, running, stopping or empty"},
      {R"({"gangs":[{"ranks":[{"rank":4294967296}]}]})",
       "gangs[0].ranks[0].rank: found 4294967296, expected a whole number from 0 to 4294967295"},
      {R"({"gangs":[{"ranks":[{"rank":-1}]}]})",
       "gangs[0].ranks[0].rank: found -1, expected a whole number from 0 to 4294967295"},
      {R"({"gangs":[{"ranks":[{"rank":1.0}]}]})",
       "gangs[0].ranks[0].rank: found 1.0, expected a whole number from 0 to 4294967295"},
      {R"({"gangs":[{"progress":{"step":null}}]})",
       "gangs[0].progress.step: found null, expected a whole number from 0 to 18446744073709551615"},
      {R"({"gangs":{}})", "gangs: found an object, expected an array"},
      {R"({"gangs":[{"fenced":1}]})", "gangs[0].fenced: found 1, expected true or false"},
      {R"({"gangs":[{"why":["x"]}]})", "gangs[0].why: found an array, expected a string"},
      {R"({"seq":1,"seq":1})", "key \"seq\" stands twice in one object"},
      {R"([])", "found an array, expected an object"},
  };
  for (const Row& row : rows) EXPECT_EQ(ErrorOf<Report>(row.text), row.error) << row.text;
  EXPECT_EQ(ErrorOf<ToKeeper>(R"({"strat":{}})"), "unknown kind \"strat\", expected start, standby, lease, stop or quit");
  EXPECT_EQ(ErrorOf<ToKeeper>(R"({"quit":{},"stop":{}})"),
            "found an object with 2 keys, expected one of start, standby, lease, stop or quit");
  EXPECT_EQ(ErrorOf<ToKeeper>(R"({"stop":{"grace":"1s"}})"),
            "stop.grace: found \"1s\", expected a whole number from -9223372036854775808 to 9223372036854775807");
  EXPECT_EQ(ErrorOf<std::int64_t>("9223372036854775808"),
            "found 9223372036854775808, expected a whole number from -9223372036854775808 to 9223372036854775807");
}

TEST(JsonCodec, TextThatIsNoJsonIsRefused) {
  for (const std::string_view text :
       {"", " ", "{", "{}x", "[1,]", "{\"seq\":01}", "// a\n{}", "\"\xff\"", "{\"seq\":1e999}", "nul"}) {
    const auto result = FromJson<Report>(text);
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().code, ErrorCode::kInvalid);
    EXPECT_TRUE(result.error().message.starts_with("not JSON: ")) << result.error().message;
  }
}

TEST(JsonCodec, SizeDepthAndNumberOfValuesAreBounded) {
  EXPECT_EQ(ErrorOf<Report>("{}   ", {.bytes_max = 4}), "JSON of 5 bytes; at most 4 are read");
  EXPECT_EQ(ErrorOf<Report>(std::string(100000, '['), {}), "JSON nested deeper than 64 levels");
  EXPECT_EQ(ErrorOf<std::vector<int>>("[1,2,3]", {.values_max = 3}), "JSON of more than 3 values");
}

TEST(JsonBytes, PlainTextStandsAsItIs) {
  EXPECT_EQ(EncodeBytes("Zoë 日本 🙂"), "Zoë 日本 🙂");
  EXPECT_EQ(ToJson(std::string("é\n")), "\"é\\n\"");
}

TEST(JsonBytes, BytesThatAreNotUtf8AreOneCodePointEach) {
  EXPECT_EQ(EncodeBytes("a\xff"), "a\xf4\x8f\xbb\xbf");
  EXPECT_EQ(EncodeBytes("\xc3"), "\xf4\x8f\xbb\x83") << "a cut sequence";
  EXPECT_EQ(EncodeBytes("\xf4\x8f\xba\x80").size(), 16u) << "the escape itself";
}

TEST(JsonBytes, AnyBytesSurviveInValuesAndKeys) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  std::vector<std::string> cases = {all,        "\xed\xa0\x80", "\xe0\x80\x80",    "\xf4\x90\x80\x80",
                                    "\xf4\x8f", "\xf4\x8f\xba", "\xf4\x8f\xbf\xbf"};
  Rng rng(1);
  const std::string_view parts[] = {"\xf4", "\x8f", "\xba", "\xbb",         "\x80",
                                    "\xbf", "\xc3", "a",    "\xe2\x82\xac", "\xf4\x8f\xba\x80"};
  for (int i = 0; i < 3000; ++i) {
    std::string s;
    for (std::uint64_t n = rng.Below(9); n > 0; --n) s += parts[rng.Below(std::size(parts))];
    cases.push_back(std::move(s));
  }
  for (const std::string& bytes : cases) {
    EXPECT_EQ(FromJson<std::string>(ToJson(bytes)), bytes);
    const std::map<std::string, std::string> map{{bytes, bytes}};
    EXPECT_EQ((FromJson<std::map<std::string, std::string>>(ToJson(map))), map);
  }
}

}  // namespace
}  // namespace everstep
