#include "agent/mpi/signals.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdlib>

namespace everstep::mpi {

Signals::Signals() {
  sigset_t heard;
  sigemptyset(&heard);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGABRT, SIGTSTP, SIGCONT, SIGCHLD})
    sigaddset(&heard, number);
  ::sigprocmask(SIG_BLOCK, &heard, nullptr);
  fd_ = Fd(::signalfd(-1, &heard, SFD_CLOEXEC | SFD_NONBLOCK));
}

std::optional<int> Signals::Next() const {
  signalfd_siginfo info{};
  while (::read(fd_.get(), &info, sizeof info) == sizeof info)
    if (info.ssi_signo != SIGCHLD) return static_cast<int>(info.ssi_signo);
  return std::nullopt;
}

bool Signals::AsksToEnd(int milliseconds) const {
  pollfd one{fd_.get(), POLLIN, 0};
  ::poll(&one, 1, milliseconds);
  while (const auto signal = Next())
    if (mpi::AsksToEnd(*signal)) return true;
  return false;
}

bool AsksToEnd(int signal) { return signal == SIGTERM || signal == SIGINT || signal == SIGHUP; }

void EndAs(const Ended& ended) {
  if (ended.signal) {
    const rlimit none{.rlim_cur = 0, .rlim_max = 0};
    ::setrlimit(RLIMIT_CORE, &none);
    ::prctl(PR_SET_DUMPABLE, 0);  // a core that goes to a program knows no limit
    ::signal(*ended.signal, SIG_DFL);
    sigset_t all;
    sigemptyset(&all);
    sigaddset(&all, *ended.signal);
    ::raise(*ended.signal);
    ::sigprocmask(SIG_UNBLOCK, &all, nullptr);
  }
  std::exit(ended.Code());
}

}  // namespace everstep::mpi
