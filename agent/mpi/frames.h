// Short texts over a stream socket: a length in four bytes, big end first, then the text, whose first byte says what it is.
//
//   H   node → hub     "H2": this is node rank 2
//   R   hub → node     "Rorted -mca …": run this by the shell
//   E   node → hub     "E0": it has ended with this code
//   F   node → hub     its own rank has failed: it goes
//   D   hub → node     "D0": all is over, with this code; or the hub's own rank has failed, and it goes
//
// Those of a host's own processes are in home.h.
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "base/real/fd.h"
#include "base/result.h"

namespace everstep::mpi {

inline constexpr std::size_t kFrameMax = 8u << 20;  // an environment fits

class Frames {
 public:
  explicit Frames(Fd fd) : fd_(std::move(fd)) {}
  int fd() const { return fd_.get(); }
  // False: the other side has gone.
  bool Send(char kind, const std::string& text);
  // What there is to read now, without waiting for more. False: the other side has gone, or speaks another language.
  bool Read();
  std::optional<std::string> Next();
  // Waits for one; nullopt: gone, or nothing within the time.
  std::optional<std::string> Await(int milliseconds);

 private:
  Fd fd_;
  std::string in_{};
  std::deque<std::string> frames_{};
};

}  // namespace everstep::mpi
