// The way of small state files to the disk for a loop that must not wait for it: a write is handed over, and that it is durable
// comes back as an input. A disk that takes seconds for an fsync delays what rests on that write, never a beat.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace everstep {

// The write with this number is durable, and with it every earlier one of the same path; or it failed.
struct StateWritten {
  std::string path{};
  std::uint64_t number = 0;
  Status status{};
};

class StateWriter {
 public:
  virtual ~StateWriter() = default;
  // All of the file, atomically. Of several that wait for one path only the newest need be written. `number` grows by path;
  // StateWritten follows for this number or a higher one.
  virtual void Write(std::string path, std::uint64_t number, std::string bytes) = 0;
};

}  // namespace everstep
