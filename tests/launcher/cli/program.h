// `everstep` as a program, run as a person would: a home of its own, so that no cluster of this machine is found.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace everstep {

struct Ran {
  int code = -1;  // 128 + signal where a signal ended it
  std::string out{}, err{};
};

class ProgramTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // `input` stands on stdin; nothing of it is a terminal.
  Ran Everstep(std::vector<std::string> words, const std::string& input = "");
  // In the home of this test.
  std::string File(const std::string& name) const { return directory_ + '/' + name; }
  std::string Read(const std::string& name) const;

  std::string directory_{};
  std::vector<std::string> variables_{};  // more of the environment: "NAME=value"
  int out_ = -1;                          // instead of a file: this descriptor is stdout
};

}  // namespace everstep
