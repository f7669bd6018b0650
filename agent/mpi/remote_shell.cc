// What mpirun starts in place of ssh: hands a command to the hub, and ends as the command did.
#include <cstdio>

#include "agent/mpi/door.h"
#include "agent/mpi/program.h"
#include "base/text.h"

namespace everstep::mpi {

int Told(const std::string& why, int code) {
  std::fprintf(stderr, "everstep-mpi: %s\n", why.c_str());
  return code;
}

int RunRemoteShell(const std::string& gang, const std::string& host, const std::string& command) {
  const auto hub = CallAt(DoorName(gang, 0));
  if (!hub) return Told(hub.error().Str(), 1);
  if (!(*hub)->Send('R', Cat(host, '\n', command))) return Told("the hub has gone", 1);
  const auto ended = (*hub)->Await(-1);
  if (!ended || ended->front() != 'E') return Told(Cat(host, " has gone"), 1);
  return static_cast<int>(ParseUnsigned(ended->substr(1)).value_or(1));
}

}  // namespace everstep::mpi
