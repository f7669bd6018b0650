// A file of zeros whose only use is to be given up: when the disk is full, its space keeps the log alive for long enough that
// running jobs can end and an operator can act, while new submits are refused (Store::NearlyFull).
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"

struct sqlite3_vfs;

namespace everstep {

class DiskReserve {
 public:
  // Makes the file, or takes the one that is there. A disk too full for it is no error: held() is false then. `bytes` 0: none,
  // ever. REQUIRES: `vfs` outlives it.
  static Result<DiskReserve> Take(sqlite3_vfs* vfs, std::string path, std::size_t bytes);

  bool held() const { return held_; }
  // Gives the space back to the disk. Taken again as soon as there is room for it.
  Status Release();

 private:
  DiskReserve(sqlite3_vfs* vfs, std::string path) : vfs_(vfs), path_(std::move(path)) {}

  sqlite3_vfs* vfs_;
  std::string path_;
  bool held_ = false;
};

}  // namespace everstep
