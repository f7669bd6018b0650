// Files in memory. Outlives the daemon that writes them, as a disk does.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/seam/files.h"

namespace everstep {

class MemoryFiles : public Files {
 public:
  std::map<std::string, std::string> files{};
  std::optional<Error> write_error{};  // set: every write fails with it
  std::size_t writes = 0;

  Result<std::string> Read(const std::string& path) override {
    const auto found = files.find(path);
    if (found == files.end()) return Fail(ErrorCode::kNotFound, "no file " + path);
    return found->second;
  }
  Status Write(const std::string& path, const std::string& bytes) override {
    if (write_error) return Fail(*write_error);
    ++writes;
    files[path] = bytes;
    return {};
  }
  Result<std::vector<std::string>> List(const std::string& directory) override {
    std::vector<std::string> names;
    for (const auto& [path, bytes] : files)
      if (path.starts_with(directory + "/")) names.push_back(path.substr(directory.size() + 1));
    return names;
  }
  Status Remove(const std::string& path) override {
    files.erase(path);
    return {};
  }
  Status MakeDirectory(const std::string&) override { return {}; }
};

}  // namespace everstep
