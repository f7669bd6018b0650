#include "agent/keeper/line_socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstdio>

#include "base/text.h"

namespace everstep {

namespace {
// Then the owner's other descriptors have their turn: poll() tells of the rest again.
constexpr int kReadsMax = 16;
}  // namespace

short LineSocket::wanted() const { return static_cast<short>(sent_all() ? POLLIN : POLLIN | POLLOUT); }

Status LineSocket::Receive() {
  char buffer[64 << 10];
  for (int reads = 0; reads < kReadsMax; ++reads) {
    const ssize_t got = ::recv(fd_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return {};
    if (got <= 0) return Fail(ErrorCode::kUnavailable, "the other side closed the connection");
    const std::string_view chunk(buffer, static_cast<std::size_t>(got));
    const std::size_t newline = chunk.rfind('\n');
    open_bytes_ = newline == std::string_view::npos ? open_bytes_ + chunk.size() : chunk.size() - newline - 1;
    in_ += chunk;
    if (open_bytes_ > line_bytes_max_)
      return Fail(ErrorCode::kExhausted, Cat("a line has more than the legal ", line_bytes_max_, " bytes"));
  }
  return {};
}

std::optional<std::string> LineSocket::NextLine() {
  const std::size_t newline = in_.find('\n', scanned_);
  if (newline == std::string::npos) {
    in_.erase(0, taken_);
    taken_ = 0;
    scanned_ = in_.size();
    return std::nullopt;
  }
  std::string line = in_.substr(taken_, newline - taken_);
  taken_ = scanned_ = newline + 1;
  return line;
}

Status LineSocket::Send(std::string_view line) {
  if (out_.size() - sent_ + line.size() > 2 * line_bytes_max_)
    return Fail(ErrorCode::kExhausted, "the other side does not read what it is sent");
  out_.erase(0, sent_);
  sent_ = 0;
  out_ += line;
  out_ += '\n';
  return Flush();
}

Status LineSocket::Flush() {
  while (!sent_all()) {
    const ssize_t sent = ::send(fd_.get(), out_.data() + sent_, out_.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return {};
    if (sent < 0) return Fail(ErrorCode::kUnavailable, "the other side closed the connection");
    sent_ += static_cast<std::size_t>(sent);
  }
  out_.clear();
  out_.shrink_to_fit();  // a start with its environments is large and comes once
  sent_ = 0;
  return {};
}

namespace {

// sockaddr_un takes 107 bytes; through the directory's own descriptor any path is short.
struct SocketPlace {
  Fd directory{};
  std::string name{};
  sockaddr_un address{};
};

Result<SocketPlace> PlaceOf(const std::string& path) {
  SocketPlace place;
  const std::size_t slash = path.find_last_of('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  place.name = slash == std::string::npos ? path : path.substr(slash + 1);
  place.directory = Fd(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!place.directory.open()) return FailErrno(errno, "open", directory);
  place.address.sun_family = AF_UNIX;
  const int length = std::snprintf(place.address.sun_path, sizeof place.address.sun_path, "/proc/self/fd/%d/%s",
                                   place.directory.get(), place.name.c_str());
  if (length < 0 || static_cast<std::size_t>(length) >= sizeof place.address.sun_path)
    return Fail(ErrorCode::kInvalid, Cat("socket name '", place.name, "' is too long"));
  return place;
}

Result<Fd> NewSocket() {
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.open()) return FailErrno(errno, "make", "a socket");
  return fd;
}

}  // namespace

Result<Fd> ConnectUnix(const std::string& path) {
  EVERSTEP_ASSIGN(const SocketPlace place, PlaceOf(path));
  EVERSTEP_ASSIGN(Fd fd, NewSocket());
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&place.address), sizeof place.address) == 0) return fd;
  if (errno == ECONNREFUSED) return Fail(ErrorCode::kUnavailable, Cat("nobody listens at ", path));
  if (errno == EAGAIN) return Fail(ErrorCode::kExhausted, Cat("the listener at ", path, " accepts nobody"));
  return FailErrno(errno, "connect to", path);
}

Result<Fd> ListenUnix(const std::string& path) {
  EVERSTEP_ASSIGN(const SocketPlace place, PlaceOf(path));
  EVERSTEP_ASSIGN(Fd fd, NewSocket());
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&place.address), sizeof place.address) != 0)
    return FailErrno(errno, "bind", path);
  // The directory's mode (0700) covers the moment before this.
  if (::chmod(place.address.sun_path, 0600) != 0) return FailErrno(errno, "set the mode of", path);
  if (::listen(fd.get(), 16) != 0) return FailErrno(errno, "listen at", path);
  return fd;
}

}  // namespace everstep
