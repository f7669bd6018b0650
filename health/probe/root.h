// The host as files below a directory: `/` for this one, or a recorded tree of another. What a recorded tree cannot hold as a
// file of the kernel's (answers of system calls) stands below captured/ in it; health/probe alone reads it.
//
// Reading never blocks on a kernel file for long, but may on a file system: probes run in a process that can be killed
// (health/scan/runner.h). Errors say which file and why, so that they can stand in a verdict as they are.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace everstep::health {

class Root {
 public:
  explicit Root(std::string directory = "/");

  // Whether this is the running host, whose system calls may be asked.
  bool live() const { return prefix_.empty(); }
  // Where a path of the host is in this process's view.
  std::string At(std::string_view path) const;

  // At most kBytesMax; what is longer is cut. Trailing blanks and newlines are left out.
  Result<std::string> Read(std::string_view path) const;
  // In alphabetical order. kNotFound: no such directory.
  Result<std::vector<std::string>> List(std::string_view directory) const;
  bool Exists(std::string_view path) const;
  // The last part of a link's target: a driver's name. nullopt: no link.
  std::optional<std::string> LinkName(std::string_view path) const;

  // A whole number that is all of the file.
  Result<double> Number(std::string_view path) const;

  static constexpr std::size_t kBytesMax = 4u << 20;

 private:
  std::string prefix_;
};

}  // namespace everstep::health
