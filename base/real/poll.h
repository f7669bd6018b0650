// The wait of a daemon's loop, which nothing may end.
#pragma once

#include <poll.h>

#include <cerrno>
#include <vector>

namespace everstep {

inline constexpr int kPauseMs = 50;

// As poll(2), for loops that go on whatever happens; any thread. 0 when it could not wait: a signal came, memory is short
// (ENOMEM), or the limit of open files was lowered below the number of `fds` (EINVAL: an operator's prlimit, which passes). It
// then has slept a moment, so that the loop neither spins nor misses what is due by time.
inline int PollOrPause(std::vector<pollfd>& fds, int timeout_ms) {
  for (pollfd& fd : fds) fd.revents = 0;
  const int ready = ::poll(fds.data(), fds.size(), timeout_ms);
  if (ready >= 0) return ready;
  if (errno != EINTR) ::poll(nullptr, 0, kPauseMs);
  return 0;
}

}  // namespace everstep
