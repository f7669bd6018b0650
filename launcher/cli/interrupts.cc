#include "launcher/cli/interrupts.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>

#include "base/check.h"

namespace everstep {

Interrupts::Interrupts() {
  sigemptyset(&set_);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set_, signal);
  ::pthread_sigmask(SIG_BLOCK, &set_, &before_);
  fd_ = Fd(::signalfd(-1, &set_, SFD_CLOEXEC | SFD_NONBLOCK));
  Check(fd_.open(), "a signalfd can be had");
}

Interrupts::~Interrupts() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

std::optional<int> Interrupts::Take() {
  signalfd_siginfo info{};
  if (::read(fd_.get(), &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

std::optional<int> Interrupts::Wait(Duration at_most, int other) {
  std::array<pollfd, 2> fds{{{.fd = fd_.get(), .events = POLLIN, .revents = 0}, {.fd = other, .events = POLLIN, .revents = 0}}};
  ::poll(fds.data(), other < 0 ? 1 : 2, static_cast<int>(at_most / 1ms));
  return Take();
}

}  // namespace everstep
