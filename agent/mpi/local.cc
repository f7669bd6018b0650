// A process of the gang that is neither the first of the job nor of its host: the home of its rank, and nothing else.
#include "agent/mpi/home.h"
#include "agent/mpi/program.h"
#include "agent/mpi/signals.h"

namespace everstep::mpi {

int RunLocal(const Place& place, const std::vector<std::string>& program) {
  const Signals signals;
  Home home(place, program, false);
  if (!home.Open()) return 1;
  for (;;) {
    std::vector<pollfd> waits{{signals.fd(), POLLIN, 0}};
    home.AddTo(waits);
    ::poll(waits.data(), waits.size(), 1000);
    while (const auto signal = signals.Next()) home.Heard(*signal);
    home.Turn();
    if (const auto end = EndOf(home.fate())) EndAs(*end);
  }
}

}  // namespace everstep::mpi
