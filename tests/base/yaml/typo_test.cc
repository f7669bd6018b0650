#include "base/yaml/typo.h"

#include <gtest/gtest.h>

namespace everstep {
namespace {

const std::vector<std::string> kWords{"command", "name", "nodes", "spares", "env", "env_from"};

TEST(Typo, OneOrTwoSlipsFindTheWord) {
  EXPECT_EQ(Nearest("node", kWords), "nodes");
  EXPECT_EQ(Nearest("ndoes", kWords), "nodes") << "two swapped letters are one slip";
  EXPECT_EQ(Nearest("comand", kWords), "command");
  EXPECT_EQ(Nearest("env-from", kWords), "env_from");
  EXPECT_EQ(DidYouMean("spare", kWords), "did you mean `spares`?");
}

TEST(Typo, AnotherWordIsNoTypo) {
  EXPECT_EQ(Nearest("queue", kWords), "");
  EXPECT_EQ(Nearest("", kWords), "");
  EXPECT_EQ(Nearest("xy", kWords), "") << "most of `env` would have to change";
  EXPECT_EQ(Nearest(std::string(100000, 'n'), kWords), "");
  EXPECT_EQ(DidYouMean("queue", kWords), "");
}

}  // namespace
}  // namespace everstep
