// Ctrl-C, SIGTERM and a lost terminal (SIGHUP) as something to wait for beside other things. Made before any other thread: all
// inherit its mask. A signal that was ignored when the program started (nohup) stays ignored.
#pragma once

#include <signal.h>

#include <optional>

#include "base/real/fd.h"
#include "base/time.h"

namespace everstep {

class Interrupts {
 public:
  Interrupts();
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  // Readable when Take has something.
  int fd() const { return fd_.get(); }
  // The number of a signal that came, or nullopt.
  std::optional<int> Take();
  // Waits for a signal or for `other` (a descriptor; -1: none) to be readable, at most so long.
  std::optional<int> Wait(Duration at_most, int other = -1);

 private:
  sigset_t set_{};
  sigset_t before_{};
  Fd fd_{};
};

}  // namespace everstep
