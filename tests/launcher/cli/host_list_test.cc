#include "launcher/cli/host_list.h"

#include <gtest/gtest.h>

#include <set>

#include "base/text.h"

namespace everstep {
namespace {

struct Row {
  std::string name, text, names;
};
class HostLists : public testing::TestWithParam<Row> {};

TEST_P(HostLists, Expand) {
  const auto names = ExpandHostList(GetParam().text);
  EXPECT_EQ(names ? Join(*names, " ") : names.error().Str(), GetParam().names);
}

INSTANTIATE_TEST_SUITE_P(
    HostList, HostLists,
    testing::ValuesIn(std::vector<Row>{
        {"OneName", "n1", "n1"},
        {"Names", "n1,head", "n1 head"},
        {"RangeAndNumber", "n[0-3,7]", "n0 n1 n2 n3 n7"},
        {"WidthIsKept", "gpu-[08-10]", "gpu-08 gpu-09 gpu-10"},
        {"WidthOfEachRange", "n[8-10,008]", "n8 n9 n10 n008"},
        {"Behind", "n[1-2]-ib", "n1-ib n2-ib"},
        {"TwoBrackets", "r[1-2]n[1-2],x", "r1n1 r1n2 r2n1 r2n2 x"},
        {"NoneTwice", "n[1-2],n2,n1", "n1 n2"},
        {"Empty", "", "\"\": found the end at character 1, legal: a name; write a list such as n[0-3,7]"},
        {"EmptyItem", "n1,,n2", "\"n1,,n2\": found ',' at character 4, legal: a name; write a list such as n[0-3,7]"},
        {"CommaAtTheEnd", "n1,", "\"n1,\": found the end at character 4, legal: a name; write a list such as n[0-3,7]"},
        {"NotClosed", "n[0-3",
         "\"n[0-3\": found the end at character 6, legal: ',', '-' or ']'; write a list such as n[0-3,7]"},
        {"NothingInside", "n[]",
         "\"n[]\": found ']' at character 3, legal: a number of at most 9 digits; write a list such as n[0-3,7]"},
        {"LettersInside", "n[a-c]",
         "\"n[a-c]\": found 'a' at character 3, legal: a number of at most 9 digits; write a list such as n[0-3,7]"},
        {"Backwards", "n[7-3]", "\"n[7-3]\": found '3' at character 5, legal: at least 7; write a list such as n[0-3,7]"},
        {"NotOpened", "n1]", "\"n1]\": found ']' at character 3, legal: ',' or the end; write a list such as n[0-3,7]"},
        {"BracketInBracket", "n[1[2]]",
         "\"n[1[2]]\": found '[' at character 4, legal: ',', '-' or ']'; write a list such as n[0-3,7]"},
        {"TooMany", "n[0-99999999]", "\"n[0-99999999]\": found more than 16384 names"},
        {"TooManyByProduct", "a[0-999]b[0-999]", "\"a[0-999]b[0-999]\": found more than 16384 names"},
        {"TooManyDigits", "n[0000000001]",
         "\"n[0000000001]\": found '0' at character 3, legal: a number of at most 9 digits; write a list such as n[0-3,7]"},
    }),
    [](const auto& row) { return row.param.name; });

TEST(HostList, AsManyAsAreAllowedExpandAndOneMoreIsRefused) {
  const auto most = ExpandHostList("n[0-16383]");
  ASSERT_TRUE(most) << most.error().Str();
  EXPECT_EQ(most->size(), 16384u);
  EXPECT_FALSE(ExpandHostList("n[0-16384]"));
  EXPECT_FALSE(ExpandHostLists({"n[0-9999]", "m[0-9999]"}));
}

TEST(HostList, FoldsToWhatExpandsToTheSame) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> rows = {{{}, ""},
                                                                              {{"n1"}, "n1"},
                                                                              {{"n3", "n1", "n2", "m"}, "m,n[1-3]"},
                                                                              {{"n1", "n3", "n1"}, "n[1,3]"},
                                                                              {{"n9", "n10", "n11"}, "n[9-11]"},
                                                                              {{"n08", "n09", "n10"}, "n[08-10]"},
                                                                              {{"n7", "n07"}, "n7,n07"},
                                                                              {{"a1-ib", "a2-ib", "a1"}, "a1,a[1-2]-ib"},
                                                                              {{"n12345678901"}, "n12345678901"},
                                                                              {{"", "-"}, ",-"}};
  for (const auto& [names, list] : rows) EXPECT_EQ(FoldHostList(names), list);
  for (std::size_t row = 1; row + 1 < rows.size(); ++row) {
    auto again = ExpandHostList(rows[row].second);
    ASSERT_TRUE(again) << again.error().Str();
    const std::set<std::string> wanted(rows[row].first.begin(), rows[row].first.end());
    EXPECT_EQ(std::set<std::string>(again->begin(), again->end()), wanted) << rows[row].second;
  }
}

}  // namespace
}  // namespace everstep
