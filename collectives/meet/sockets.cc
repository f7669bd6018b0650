#include "collectives/meet/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/text.h"

namespace everstep {
namespace {

int Milliseconds(Duration d) {
  return static_cast<int>(std::clamp<std::int64_t>(std::chrono::ceil<std::chrono::milliseconds>(d).count(), 0, 60'000));
}

// 0: not before the deadline.
int WaitFor(int fd, short events, Clock& clock, Time deadline) {
  for (;;) {
    pollfd one{fd, events, 0};
    const int ready = ::poll(&one, 1, Milliseconds(deadline - clock.Now()));
    if (ready > 0 || (ready < 0 && errno != EINTR)) return ready;
    if (clock.Now() >= deadline) return 0;
  }
}

void SendAtOnce(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

Result<Fd> ConnectOnce(const addrinfo& address, Clock& clock, Time deadline) {
  Fd fd(::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.open()) return FailErrno(errno, "make", "a socket");
  if (::connect(fd.get(), address.ai_addr, address.ai_addrlen) != 0 && errno != EINPROGRESS)
    return FailErrno(errno, "connect", "there");
  if (WaitFor(fd.get(), POLLOUT, clock, deadline) <= 0) return Fail(ErrorCode::kTimeout, "no answer in time");
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return FailErrno(error, "connect", "there");
  SendAtOnce(fd.get());
  return fd;
}

}  // namespace

Result<Fd> ListenOn(std::uint16_t port) {
  Fd fd(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const bool six = fd.open();
  if (!six) fd = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.open()) return FailErrno(errno, "make", "a socket");
  const int on = 1, off = 0;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (six) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  sockaddr_in6 all6{};
  all6.sin6_family = AF_INET6;
  all6.sin6_port = htons(port);
  sockaddr_in all4{};
  all4.sin_family = AF_INET;
  all4.sin_port = htons(port);
  const auto* address = six ? reinterpret_cast<const sockaddr*>(&all6) : reinterpret_cast<const sockaddr*>(&all4);
  if (::bind(fd.get(), address, six ? sizeof all6 : sizeof all4) != 0 || ::listen(fd.get(), 512) != 0) {
    if (errno == EADDRINUSE)
      return Fail(ErrorCode::kConflict, Cat("MASTER_PORT ", port, " is in use on this host"),
                  "choose a free port, the same on all ranks");
    return FailErrno(errno, "listen on", Cat("port ", port));
  }
  return fd;
}

std::uint16_t PortOf(int fd) {
  sockaddr_in6 address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  return ntohs(address.sin6_port);  // at the same place in both families
}

Result<Fd> AcceptBefore(int listener, Clock& clock, Time deadline) {
  for (;;) {
    if (WaitFor(listener, POLLIN, clock, deadline) <= 0) return Fail(ErrorCode::kTimeout, "nobody came in time");
    Fd fd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (fd.open()) {
      SendAtOnce(fd.get());
      return fd;
    }
    if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) return FailErrno(errno, "accept", "a connection");
  }
}

Result<Fd> ConnectNow(const std::string& host, std::uint16_t port, Clock& clock, Time deadline) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  const std::unique_ptr<addrinfo, FreeAddresses> owned(list);
  if (error == EAI_AGAIN) return Fail(ErrorCode::kUnavailable, ::gai_strerror(error));
  if (error != 0) return Fail(ErrorCode::kNotFound, Cat("host ", host, " is not known here: ", ::gai_strerror(error)));
  Result<Fd> last = Fail(ErrorCode::kTimeout, "no answer in time");
  for (const addrinfo* one = list; one != nullptr && !last; one = one->ai_next) last = ConnectOnce(*one, clock, deadline);
  return last;
}

Result<Fd> ConnectTo(const std::string& host, std::uint16_t port, Clock& clock, Time deadline) {
  for (Duration pause = 5ms;; pause = std::min<Duration>(2 * pause, 200ms)) {
    Result<Fd> connected = ConnectNow(host, port, clock, std::min(deadline, clock.Now() + 2s));
    if (connected) return connected;
    const std::string& last = connected.error().message;
    // A name that nobody knows will not be known in half a minute either; of a server of names that fails, one may hope.
    if (connected.error().code == ErrorCode::kNotFound)
      return Fail(ErrorCode::kNotFound, Cat("cannot reach rank 0: ", last),
                  "MASTER_ADDR is the host of rank 0, by name or address");
    if (clock.Now() >= deadline)
      return Fail(ErrorCode::kUnavailable,
                  Cat("cannot reach rank 0 at ", host, " port ", port, " (MASTER_ADDR, MASTER_PORT): ", last),
                  "is rank 0 running, and does a firewall let the port through?");
    // Nothing to wait for but time: the peer has not begun to listen.
    const Fd never(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    WaitFor(never.get(), POLLIN, clock, std::min(deadline, clock.Now() + pause));
  }
}

Status WriteAll(int fd, std::string_view bytes, Clock& clock, Time deadline) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (wrote > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(wrote));
    } else if (errno != EAGAIN && errno != EINTR) {
      return FailErrno(errno, "write to", "the connection");
    } else if (WaitFor(fd, POLLOUT, clock, deadline) == 0) {
      return Fail(ErrorCode::kTimeout, "the other side reads nothing");
    }
  }
  return {};
}

Result<std::string> ReadExactly(int fd, std::size_t bytes, Clock& clock, Time deadline) {
  std::string text(bytes, '\0');
  for (std::size_t have = 0; have < bytes;) {
    const ssize_t got = ::recv(fd, text.data() + have, bytes - have, 0);
    if (got == 0) return Fail(ErrorCode::kUnavailable, "the connection was closed");
    if (got > 0) {
      have += static_cast<std::size_t>(got);
    } else if (errno != EAGAIN && errno != EINTR) {
      return FailErrno(errno, "read from", "the connection");
    } else if (!Readable(fd, clock, deadline)) {
      return Fail(ErrorCode::kTimeout, "nothing came in time");
    }
  }
  return text;
}

bool Readable(int fd, Clock& clock, Time deadline) { return WaitFor(fd, POLLIN, clock, deadline) > 0; }

std::string LocalAddressOf(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return "";
  char text[NI_MAXHOST];
  if (::getnameinfo(reinterpret_cast<sockaddr*>(&address), size, text, sizeof text, nullptr, 0, NI_NUMERICHOST) != 0) return "";
  std::string numeric = text;
  if (numeric.starts_with("::ffff:")) numeric.erase(0, 7);  // IPv4 on a socket for both
  return numeric;
}

}  // namespace everstep
