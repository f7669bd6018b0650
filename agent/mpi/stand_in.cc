// What mpirun starts on each host in place of the program: finds the home of its rank there, has it start the program, hands on
// what mpirun sends, and ends as the program does. Its rank is what MPI says, whichever it is.
#include <poll.h>
#include <signal.h>

#include <array>

#include "agent/mpi/door.h"
#include "agent/mpi/process.h"
#include "agent/mpi/program.h"
#include "agent/mpi/signals.h"
#include "base/text.h"

namespace everstep::mpi {

namespace {

constexpr int kHomeComesWithin = 60;  // seconds: its keeper may be slower to start it than mpirun this

std::optional<std::uint64_t> RankIn(const std::vector<std::string>& environment) {
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"})
    if (const auto value = ValueIn(environment, name)) return ParseUnsigned(*value);
  return std::nullopt;
}

// `signals`: whoever asks to end meanwhile ends the search.
Result<std::unique_ptr<Frames>> FindHome(const std::string& name, const Signals& signals) {
  for (int tenths = 0;; ++tenths) {
    auto home = CallAt(name);
    if (home || home.error().code != ErrorCode::kNotFound || tenths == 10 * kHomeComesWithin) return home;
    if (signals.AsksToEnd(100)) EndAs({.signal = SIGTERM});
  }
}

}  // namespace

int RunStandIn(const std::string& gang, const std::vector<std::string>& environment) {
  const Signals signals;
  const auto rank = RankIn(environment);
  if (!rank || *rank > UINT32_MAX)
    return Told("OMPI_COMM_WORLD_RANK, PMIX_RANK and PMI_RANK say no rank; --rank is for mpirun alone", 2);
  const auto home = FindHome(DoorName(gang, static_cast<std::uint32_t>(*rank)), signals);
  if (!home) return Told(Cat("MPI rank ", *rank, " has no place on this host: ", home.error().Str()), 1);
  Frames& link = **home;
  link.Send('C', OwnCpus());
  link.Send('W', Join(environment, std::string_view("\0", 1)));
  for (;;) {
    std::array<pollfd, 2> waits{{{link.fd(), POLLIN, 0}, {signals.fd(), POLLIN, 0}}};
    ::poll(waits.data(), waits.size(), -1);
    while (const auto signal = signals.Next()) link.Send('S', std::to_string(*signal));
    const bool there = link.Read();
    while (const auto frame = link.Next())
      if (frame->front() == 'E') EndAs(EndedBy(static_cast<int>(ParseUnsigned(frame->substr(1)).value_or(1u << 8))));
    // Its home was killed, and the program with it.
    if (!there) EndAs({.signal = SIGKILL});
  }
}

}  // namespace everstep::mpi
