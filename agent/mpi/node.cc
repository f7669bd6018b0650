// A host that is not the first: connects to the hub, runs what it is told, one command at a time, and goes when all is over.
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

#include "agent/mpi/frames.h"
#include "agent/mpi/program.h"
#include "base/text.h"

namespace everstep::mpi {

namespace {

constexpr int kHubComesWithin = 60;  // seconds: its host may be slower to start

Fd ConnectOnce(const Place& place) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(place.master.c_str(), std::to_string(place.port).c_str(), &hints, &found) != 0) return Fd();
  Fd fd(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const bool connected = ::connect(fd.get(), found->ai_addr, found->ai_addrlen) == 0;
  ::freeaddrinfo(found);
  return connected ? std::move(fd) : Fd();
}

// `signals`: readable when this process is asked to end.
Fd ConnectToHub(const Place& place, const Fd& signals) {
  for (int tenths = 0; tenths < 10 * kHubComesWithin; ++tenths) {
    if (Fd fd = ConnectOnce(place); fd.open()) return fd;
    pollfd asked{signals.get(), POLLIN, 0};
    if (::poll(&asked, 1, 100) > 0) break;
  }
  return Fd();
}

// By the shell, as a remote shell runs it, in a process group of its own.
pid_t StartShell(const std::string& command, char** environment) {
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  ::sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
  std::string words[] = {"sh", "-c", command};
  char* argv[] = {words[0].data(), words[1].data(), words[2].data(), nullptr};
  pid_t child = -1;
  const bool started = ::posix_spawn(&child, "/bin/sh", nullptr, &attributes, argv, environment) == 0;
  posix_spawnattr_destroy(&attributes);
  return started ? child : -1;
}

int CodeOf(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

// SIGTERM, and SIGKILL two seconds later.
void End(pid_t child) {
  if (child <= 0) return;
  const Fd process(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  ::kill(-child, SIGTERM);
  pollfd ended{process.get(), POLLIN, 0};
  ::poll(&ended, 1, 2000);
  ::kill(-child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

sigset_t AsksToEnd() {
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&signals, number);
  return signals;
}

// Where it has failed, the first host's code is the cause, and must be seen before anything that ends here: this waits to be
// stopped.
int AllOver(const std::string& code, const Fd& signals) {
  pollfd asked{signals.get(), POLLIN, 0};
  if (code != "0") ::poll(&asked, 1, -1);
  return 0;
}

}  // namespace

int RunNode(const Place& place) {
  // All hosts are asked to end at once. mpirun, on the first, ends what runs here; without this process it would wait for it.
  const sigset_t asks = AsksToEnd();
  ::sigprocmask(SIG_BLOCK, &asks, nullptr);
  const Fd signals(::signalfd(-1, &asks, SFD_CLOEXEC));
  Fd fd = ConnectToHub(place, signals);
  if (!fd.open()) return Told(Cat("cannot reach ", place.master, ":", place.port, ", where mpirun is to run"), 1);
  Frames hub(std::move(fd));
  if (!hub.Send('H', std::to_string(place.node))) return Told("the first host has gone", 1);
  for (pid_t child = -1;;) {
    pollfd waits{hub.fd(), POLLIN, 0};
    ::poll(&waits, 1, child > 0 ? 50 : 1000);
    if (waits.revents != 0 && !hub.Read()) return End(child), Told("the first host, where mpirun runs, has gone", 1);
    while (const auto frame = hub.Next()) {
      if (frame->front() == 'D') return End(child), AllOver(frame->substr(1), signals);
      if (frame->front() != 'R') continue;
      if (child > 0 || (child = StartShell(frame->substr(1), place.environment)) < 0) hub.Send('E', "126");
    }
    int status = 0;
    if (child <= 0 || ::waitpid(child, &status, WNOHANG) != child) continue;
    child = -1;
    if (!hub.Send('E', std::to_string(CodeOf(status)))) return Told("the first host, where mpirun runs, has gone", 1);
  }
}

}  // namespace everstep::mpi
