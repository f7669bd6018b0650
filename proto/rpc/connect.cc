#include "proto/rpc/connect.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "proto/rpc/socket_address.h"

namespace everstep {

namespace {

ConnectAnswer Judge(int error, const HostPort& to) {
  switch (error) {
    case 0: return {ConnectOutcome::accepted, Cat("connected to ", to)};
    case ECONNREFUSED: return {ConnectOutcome::refused, Cat("connection refused by ", to)};
    case EINPROGRESS: return {ConnectOutcome::silent, Cat("no answer from ", to)};
    default: return {ConnectOutcome::silent, Cat("no answer from ", to, ": ", std::strerror(error))};
  }
}

}  // namespace

Result<ConnectAttempt> ConnectAttempt::Start(const HostPort& to) {
  EVERSTEP_ASSIGN(const SocketAddress address, LookUp(to, LookUpKind::numeric));
  Fd fd(::socket(address.Family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.open()) return FailErrno(errno, "make a socket to", to.Str());
  const int error = ::connect(fd.get(), address.Get(), address.length) == 0 ? 0 : errno;
  return ConnectAttempt(to, std::move(fd), error);
}

ConnectAnswer ConnectAttempt::Answer() const {
  if (error_ != EINPROGRESS) return Judge(error_, to_);
  pollfd one{fd_.get(), POLLOUT, 0};
  if (::poll(&one, 1, 0) <= 0) return Judge(EINPROGRESS, to_);
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  return Judge(error, to_);
}

ConnectAnswer TryConnect(const HostPort& to, Duration deadline) {
  const Result<HostPort> numeric = Resolve(to);
  if (!numeric) return {ConnectOutcome::silent, numeric.error().message};
  const Result<ConnectAttempt> attempt = ConnectAttempt::Start(*numeric);
  if (!attempt) return {ConnectOutcome::silent, attempt.error().message};
  pollfd one{attempt->fd(), POLLOUT, 0};
  ::poll(&one, 1, static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(deadline).count()));
  return attempt->Answer();
}

}  // namespace everstep
