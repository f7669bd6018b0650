// What mpirun starts in place of ssh: hands a command to the hub by its socket, and ends as the command did.
#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
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
  if (socket.size() + 1 >= sizeof address.sun_path) return Told(Cat("the address ", socket, " is too long for a socket"), 2);
  std::memcpy(address.sun_path + 1, socket.data(), socket.size());  // behind a zero: a name of the kernel's, no path
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + socket.size());
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) return Told(Cat("nobody listens at ", socket), 1);
  Frames hub(std::move(fd));
  if (!hub.Send('R', Cat(host, '\n', command))) return Told("the hub has gone", 1);
  const auto ended = hub.Await(-1);
  if (!ended || ended->front() != 'E') return Told(Cat(host, " has gone"), 1);
  return static_cast<int>(ParseUnsigned(ended->substr(1)).value_or(1));
}

}  // namespace everstep::mpi
