#include "agent/checkpoint/port.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"

namespace everstep {

namespace {

Status Bind(int family, const sockaddr* address, socklen_t size, std::uint32_t port) {
  const int fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 && errno == EAFNOSUPPORT) return {};
  if (fd < 0) return FailErrno(errno, "create", "a socket");
  const int on = 1, off = 0;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (family == AF_INET6) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  const int error = ::bind(fd, address, size) == 0 ? 0 : errno;
  ::close(fd);
  if (error == EADDRINUSE) return Fail(ErrorCode::kConflict, Cat("port ", port, " is in use on this host"));
  // EADDRNOTAVAIL: IPv6 is compiled in but switched off.
  if (error != 0 && error != EADDRNOTAVAIL) return FailErrno(error, "bind", Cat("port ", port));
  return {};
}

}  // namespace

Status PortIsFree(std::uint32_t port) {
  const in_port_t number = htons(static_cast<std::uint16_t>(port));
  sockaddr_in any4{};
  any4.sin_family = AF_INET;
  any4.sin_port = number;
  EVERSTEP_TRY(Bind(AF_INET, reinterpret_cast<const sockaddr*>(&any4), sizeof any4, port));
  sockaddr_in6 any6{};
  any6.sin6_family = AF_INET6;
  any6.sin6_port = number;
  return Bind(AF_INET6, reinterpret_cast<const sockaddr*>(&any6), sizeof any6, port);
}

}  // namespace everstep
