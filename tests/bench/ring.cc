// The limit that tests/bench/fabric holds all-reduces against: a ring over plain sockets that moves an all-reduce's bytes and
// adds nothing.
//
//   bench_ring FROM TO      sizes in bytes, times 4; RANK, WORLD_SIZE, and PEERS, the addresses of all in the order of their
//   ranks
//
// Rank 0 prints "SIZE GB/s": the bus bandwidth, after three runs to warm up, over at least 0.1 s. One thread: poll on both
// neighbours.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <arpa/inet.h>

#include "base/real/clock.h"
#include "base/real/fd.h"
#include "base/text.h"

namespace everstep {

namespace {

constexpr std::uint16_t kPort = 29700;
constexpr int kWarm = 3, kLeast = 20, kMost = 20'000;

[[noreturn]] void Fail(const char* what) {
  std::fprintf(stderr, "bench_ring: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

class Ring {
 public:
  Ring(std::size_t rank, const std::vector<std::string>& peers);
  // 2 (N - 1) steps, each a share of the buffer to the next rank while one comes from the one before.
  void Run(std::size_t size);
  double Slowest(double seconds);  // of all ranks: once round, the largest goes on

 private:
  // Both at once: all of `out` to the next, all of `in` from the one before.
  void Exchange(const char* out, char* in, std::size_t size);

  const std::size_t ranks_;
  Fd next_{}, before_{};
  std::vector<char> out_{}, in_{};
};

sockaddr_in At(const std::string& address) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(kPort);
  if (::inet_pton(AF_INET, address.c_str(), &at.sin_addr) != 1) Fail(address.c_str());
  return at;
}

Ring::Ring(std::size_t rank, const std::vector<std::string>& peers) : ranks_(peers.size()) {
  const Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const sockaddr_in own = At(peers[rank]), next = At(peers[(rank + 1) % ranks_]);
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0 || ::listen(listener.get(), 1) != 0)
    Fail("listen");
  pollfd quiet{listener.get(), 0, 0};  // the time between two attempts
  for (int attempts = 0;; ++attempts) {
    next_ = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(next_.get(), reinterpret_cast<const sockaddr*>(&next), sizeof next) == 0) break;
    if (errno != ECONNREFUSED || attempts == 600) Fail("connect");
    ::poll(&quiet, 1, 50);
  }
  before_ = Fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!before_.open()) Fail("accept");
  ::setsockopt(next_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void Ring::Exchange(const char* out, char* in, std::size_t size) {
  std::size_t sent = 0, got = 0;
  while (sent < size || got < size) {
    std::array<pollfd, 2> waits{{{sent < size ? next_.get() : -1, POLLOUT, 0}, {got < size ? before_.get() : -1, POLLIN, 0}}};
    if (::poll(waits.data(), waits.size(), 30'000) <= 0) Fail("the neighbours have stood still for 30 s");
    if (waits[0].revents != 0) {
      const ssize_t n = ::send(next_.get(), out + sent, size - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (n < 0 && errno != EAGAIN) Fail("send");
      sent += n > 0 ? static_cast<std::size_t>(n) : 0;
    }
    if (waits[1].revents != 0) {
      const ssize_t n = ::recv(before_.get(), in + got, size - got, MSG_DONTWAIT);
      if (n == 0 || (n < 0 && errno != EAGAIN)) Fail("receive");
      got += n > 0 ? static_cast<std::size_t>(n) : 0;
    }
  }
}

void Ring::Run(std::size_t size) {
  const std::size_t share = size / ranks_;
  out_.resize(share, 1);
  in_.resize(share, 1);
  for (std::size_t step = 0; step < 2 * (ranks_ - 1); ++step) Exchange(out_.data(), in_.data(), share);
}

double Ring::Slowest(double seconds) {
  for (std::size_t hop = 0; hop < 2 * ranks_; ++hop) {
    double other = 0;
    Exchange(reinterpret_cast<const char*>(&seconds), reinterpret_cast<char*>(&other), sizeof seconds);
    seconds = std::max(seconds, other);
  }
  return seconds;
}

int Main(const std::vector<std::string>& words) {
  const auto number = [&](std::size_t at) { return at < words.size() ? ParseUnsigned(words[at]) : std::nullopt; };
  const auto rank = number(1), from = number(3), to = number(4);
  const std::vector<std::string> peers = words.size() == 5 ? Split(words[2], ',') : std::vector<std::string>{};
  if (!rank || !from || !to || *from == 0 || peers.size() < 2 || *rank >= peers.size()) {
    std::fprintf(stderr, "usage: bench_ring RANK ADDRESS,ADDRESS… FROM TO\n");
    return 2;
  }
  RealClock clock;
  Ring ring(*rank, peers);
  const auto timed = [&](std::size_t size, int runs) {
    const Time begun = clock.Now();
    for (int run = 0; run < runs; ++run) ring.Run(size);
    return static_cast<double>((clock.Now() - begun) / 1ns) / 1e9 / runs;
  };
  for (std::size_t size = *from; size <= *to; size *= 4) {
    timed(size, kWarm);
    const double once = ring.Slowest(timed(size, 1));
    const double seconds = timed(size, static_cast<int>(std::clamp(0.1 / once, double{kLeast}, double{kMost})));
    const double n = static_cast<double>(peers.size());
    if (*rank == 0) std::printf("%zu %.4f\n", size, static_cast<double>(size) / seconds / 1e9 * 2 * (n - 1) / n);
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace

}  // namespace everstep

int main(int argc, char** argv) { return everstep::Main({argv, argv + argc}); }
