// The signals that others send to this process, by a descriptor instead of handlers: those that ask to end, those that a
// program may use for itself, and the end of a child.
#pragma once

#include <optional>

#include "agent/mpi/fate.h"
#include "base/real/fd.h"

namespace everstep::mpi {

class Signals {
 public:
  // Blocks them from now on; what is started by StartProcess has them unblocked.
  Signals();
  int fd() const { return fd_.get(); }
  // The next that has come, but for children's ends.
  std::optional<int> Next() const;
  // Waits until one has come that asks to end; false: none within the time.
  bool AsksToEnd(int milliseconds) const;

 private:
  Fd fd_;
};

bool AsksToEnd(int signal);

// Ends this process as the other one ended, by the same signal if it was one. There is one core file, the other's.
[[noreturn]] void EndAs(const Ended& ended);

}  // namespace everstep::mpi
