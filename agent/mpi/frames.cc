#include "agent/mpi/frames.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

namespace everstep::mpi {

namespace {
constexpr std::size_t kHead = 4;
}

bool Frames::Send(char kind, const std::string& text) {
  const auto length = static_cast<std::uint32_t>(text.size() + 1);
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(length >> shift & 0xff);
  bytes += kind;
  bytes += text;
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t sent = ::send(fd_.get(), bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    at += static_cast<std::size_t>(sent);
  }
  return true;
}

bool Frames::Read() {
  char bytes[16384];
  const ssize_t got = ::recv(fd_.get(), bytes, sizeof bytes, MSG_DONTWAIT);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (got == 0) return false;
  in_.append(bytes, static_cast<std::size_t>(got));
  while (in_.size() >= kHead) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < kHead; ++i) length = length << 8 | static_cast<unsigned char>(in_[i]);
    if (length == 0 || length > kFrameMax) return false;
    if (in_.size() < kHead + length) break;
    frames_.push_back(in_.substr(kHead, length));
    in_.erase(0, kHead + length);
  }
  return true;
}

std::optional<std::string> Frames::Next() {
  if (frames_.empty()) return std::nullopt;
  std::string frame = std::move(frames_.front());
  frames_.pop_front();
  return frame;
}

std::optional<std::string> Frames::Await(int milliseconds) {
  for (;;) {
    if (auto frame = Next()) return frame;
    pollfd waits{fd_.get(), POLLIN, 0};
    const int ready = ::poll(&waits, 1, milliseconds);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0 || !Read()) return std::nullopt;
  }
}

}  // namespace everstep::mpi
