// `everstep` as a program, run as a person would: a home of its own, so that no cluster of this machine is found.
#pragma once

#include <gtest/gtest.h>

#include <functional>
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
  // Any other program, by its path, in the same surroundings.
  Ran Program(std::vector<std::string> words, const std::string& input = "");
  // In the home of this test.
  std::string File(const std::string& name) const { return directory_ + '/' + name; }
  std::string Read(const std::string& name) const;

  std::string directory_{};
  std::vector<std::string> variables_{};  // more of the environment: "NAME=value"
  int out_ = -1;                          // instead of a file: this descriptor is stdout
};

// With a cluster on this machine, of which nothing may be left.
class ClusterTest : public ProgramTest {
 protected:
  void TearDown() override;

  std::string Directory() const { return File(".local/state/everstep/local"); }
  void Up(const std::string& nodes);
  // Processes of this test's home, by their command lines; also ranks, which are told by a word.
  std::vector<std::string> Left(const std::string& word = "no rank") const;
  // True once `holds` does, false if it did not within a minute.
  static bool Eventually(const std::function<bool()>& holds);
};

}  // namespace everstep
