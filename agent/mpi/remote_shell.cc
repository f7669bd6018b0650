// What mpirun starts in place of ssh: hands a command to the hub by its socket, and ends as the command did.
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdio>
#include <cstring>

#include "agent/mpi/frames.h"
#include "agent/mpi/program.h"
#include "base/text.h"

namespace everstep::mpi {

int Told(const std::string& why, int code) {
  std::fprintf(stderr, "everstep-mpi: %s\n", why.c_str());
  return code;
}

int RunRemoteShell(const std::string& socket, const std::string& host, const std::string& command) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.size() >= sizeof address.sun_path) return Told(Cat("the path ", socket, " is too long for a socket"), 2);
  std::memcpy(address.sun_path, socket.c_str(), socket.size() + 1);
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return Told(Cat("nobody listens at ", socket), 1);
  Frames hub(std::move(fd));
  if (!hub.Send('R', Cat(host, '\n', command))) return Told("the hub has gone", 1);
  const auto ended = hub.Await(-1);
  if (!ended || ended->front() != 'E') return Told(Cat(host, " has gone"), 1);
  return static_cast<int>(ParseUnsigned(ended->substr(1)).value_or(1));
}

}  // namespace everstep::mpi
