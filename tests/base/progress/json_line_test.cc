#include "base/progress/json_line.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace everstep {
namespace {

// "key=value" for each member, or "no object".
std::string MembersOf(std::string_view line) {
  std::vector<std::string> members;
  const bool whole = ForEachMember(line, [&](std::string_view k, std::string_view v) { members.push_back(Cat(k, '=', v)); });
  return whole ? Join(members) : "no object";
}

TEST(JsonLine, ItsOutermostMembersAreFound) {
  const std::vector<std::pair<std::string_view, std::string_view>> rows = {
      {R"({})", ""},
      {R"({"a":1})", "a=1"},
      {R"( { "a" : 1 , "b" : "x" } )", "a=1, b=x"},
      {R"({"a":NaN,"b":-Infinity,"c":null,"d":true})", "a=NaN, b=-Infinity, c=null, d=true"},
      {R"({"a":{"b":[1,{"c":"}"}]},"d":4})", "d=4"},
      {R"({"a\"b":"c\"d"})", R"(a\"b=c\"d)"},
      {R"({"a":[]})", ""},
      {R"()", "no object"},
      {R"({)", "no object"},
      {R"({"a"})", "no object"},
      {R"({"a":})", "no object"},
      {R"({"a":1,})", "no object"},
      {R"({"a":1)", "no object"},
      {R"({"a":"1)", "no object"},
      {R"({"a":[1})", "no object"},
      {R"({"a":1} x)", "no object"},
      {R"([{"a":1}])", "no object"},
      {R"({'a': 1})", "no object"},
      {R"({"a":1 2})", "no object"},
  };
  for (const auto& [line, members] : rows) EXPECT_EQ(MembersOf(line), members) << line;
}

TEST(JsonLine, DeepNestingIsOnlyCounted) {
  const std::string deep = Cat(R"({"a":)", std::string(100'000, '['), std::string(100'000, ']'), R"(,"b":1})");
  EXPECT_EQ(MembersOf(deep), "b=1");
}

}  // namespace
}  // namespace everstep
