// What is wrong in a file that a person wrote: where, which key, what stands there, what may stand there, what to do.
//
//   job.yaml:3:8: nodes: found "four", legal: 1 to 16384
//   job.yaml:4:1: spare: found an unknown key, legal: command, name, nodes, spares; did you mean `spares`?
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace everstep::yaml {

struct Problem {
  std::uint32_t line = 1;  // from 1
  std::uint32_t column = 1;
  std::string key{};    // "checkpoint.dir", "command[2]"; empty: the file as a whole
  std::string found{};  // "a list", "\"four\"", "nothing"
  std::string legal{};  // empty: `found` says it all
  std::string next{};   // what to do; empty: obvious
  std::string Str(std::string_view file) const;
  friend bool operator==(const Problem&, const Problem&) = default;
};
using Problems = std::vector<Problem>;

// All problems of a file as one error: the message has one line for each, in the order of the file and then the keys that
// are missing, at most 20.
// REQUIRES: !problems.empty().
Error AsError(std::string_view file, Problems problems);

}  // namespace everstep::yaml
