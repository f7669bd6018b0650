// A launcher's hold on its state directory: a lock on the directory itself, which writes nothing and ends with the process.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace everstep {

class StateDirectory {
 public:
  // Makes the directory (mode 0700, with parents) if it is missing. kConflict names the process that holds the lock; kInvalid:
  // on a network file system, where neither locks nor fsync can be trusted.
  static Result<StateDirectory> Take(const std::string& directory);

  StateDirectory(StateDirectory&& other) noexcept;
  StateDirectory& operator=(StateDirectory&& other) noexcept;
  ~StateDirectory();

  // Free bytes on the directory's file system. Cost: one system call.
  Result<std::uint64_t> FreeBytes() const;

 private:
  explicit StateDirectory(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace everstep
