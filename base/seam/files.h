// The way to small files: what an agent remembers across its own death. One of the five seams.
//
// Thread: the loop thread of the daemon that owns it. Calls block; keep the files small.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace everstep {

class Files {
 public:
  virtual ~Files() = default;

  // The whole file; kNotFound when there is none, kExhausted above 1 MiB.
  virtual Result<std::string> Read(const std::string& path) = 0;
  // All or nothing, and durable on return: temporary file, fsync, rename, fsync of the directory.
  virtual Status Write(const std::string& path, const std::string& bytes) = 0;
  // Names in a directory, sorted, without "." and ".."; empty when there is no such directory.
  virtual Result<std::vector<std::string>> List(const std::string& directory) = 0;
  // A file or an empty directory; good when it was not there.
  virtual Status Remove(const std::string& path) = 0;
  // With parents, mode 0700.
  virtual Status MakeDirectory(const std::string& path) = 0;
};

}  // namespace everstep
