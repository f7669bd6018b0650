// Where a process of the gang is called by those that mpirun starts on its host: a Unix socket whose name is no file, so that
// whoever is killed leaves nothing behind. Names are of the host's network namespace; in a cluster on one machine several hosts
// share it, therefore gang and rank are part of a name. Both sides see that the other is of the same user.
#pragma once

#include <memory>
#include <string>

#include "agent/mpi/frames.h"
#include "base/real/fd.h"
#include "base/result.h"

namespace everstep::mpi {

// "everstep-mpi/train-1.2.29500/7"
std::string DoorName(const std::string& gang, std::uint32_t rank);

class Door {
 public:
  static Result<Door> Open(const std::string& name);
  int fd() const { return fd_.get(); }
  // nullptr: there is nobody, or a stranger.
  std::unique_ptr<Frames> Accept() const;

 private:
  explicit Door(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

// kNotFound: nobody listens there (yet).
Result<std::unique_ptr<Frames>> CallAt(const std::string& name);

}  // namespace everstep::mpi
