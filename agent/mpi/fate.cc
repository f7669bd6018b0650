#include "agent/mpi/fate.h"

#include <sys/wait.h>

#include <csignal>

namespace everstep::mpi {

Ended EndedBy(int wait_status) {
  if (WIFSIGNALED(wait_status)) return {.signal = WTERMSIG(wait_status)};
  return {.code = WEXITSTATUS(wait_status)};
}

bool Failed(const Fate& fate) { return fate.ended && !fate.ended->Well() && !fate.swept && !fate.asked; }

std::optional<Ended> EndOf(const Fate& fate) {
  if (fate.over == 0) return Ended{};
  if (Failed(fate)) return fate.ended;
  if (!fate.asked || (fate.holds && !fate.over)) return std::nullopt;
  if (!fate.came) return Ended{.signal = SIGTERM};
  return fate.ended;
}

}  // namespace everstep::mpi
