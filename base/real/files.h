// Files on this host's file system. Blocks for as long as the disk does; one thread at a time per path.
//
// Write goes through `<path>.tmp` in the same directory: a crash leaves the old file whole, and at most that one name behind,
// which the next Write of the path reuses. New files have mode 0600, new directories 0700: what an agent remembers is nobody
// else's to read.
#pragma once

#include <string>
#include <vector>

#include "base/seam/files.h"

namespace everstep {

class RealFiles : public Files {
 public:
  Result<std::string> Read(const std::string& path) override;
  Status Write(const std::string& path, const std::string& bytes) override;
  Result<std::vector<std::string>> List(const std::string& directory) override;
  Status Remove(const std::string& path) override;
  Status MakeDirectory(const std::string& path) override;
};

}  // namespace everstep
