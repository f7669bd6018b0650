// A host that is not the first: connects to the hub, runs what it is told, one command at a time, and goes when all is over.
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>

#include "agent/mpi/frames.h"
#include "agent/mpi/program.h"
#include "base/text.h"

extern char** environ;

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

Fd ConnectToHub(const Place& place) {
  for (int tenths = 0; tenths < 10 * kHubComesWithin; ++tenths) {
    if (Fd fd = ConnectOnce(place); fd.open()) return fd;
    const timespec pause{.tv_sec = 0, .tv_nsec = 100'000'000};
    ::nanosleep(&pause, nullptr);
  }
  return Fd();
}

// By the shell, as a remote shell runs it, in a process group of its own.
pid_t StartShell(const std::string& command) {
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  std::string words[] = {"sh", "-c", command};
  char* argv[] = {words[0].data(), words[1].data(), words[2].data(), nullptr};
  pid_t child = -1;
  const bool started = ::posix_spawn(&child, "/bin/sh", nullptr, &attributes, argv, environ) == 0;
  posix_spawnattr_destroy(&attributes);
  return started ? child : -1;
}

int CodeOf(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

void End(pid_t child) {
  if (child <= 0) return;
  ::kill(-child, SIGTERM);
  for (int tenths = 0; tenths < 20; ++tenths) {
    if (::waitpid(child, nullptr, WNOHANG) != 0) return;
    const timespec pause{.tv_sec = 0, .tv_nsec = 100'000'000};
    ::nanosleep(&pause, nullptr);
  }
  ::kill(-child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

// Where it has failed, the first host's code is the cause, and must be seen before anything that ends here: this waits to be
// stopped.
int AllOver(const std::string& code) {
  while (code != "0") ::pause();
  return 0;
}

}  // namespace

int RunNode(const Place& place) {
  Fd fd = ConnectToHub(place);
  if (!fd.open()) return Told(Cat("cannot reach ", place.master, ":", place.port, ", where mpirun is to run"), 1);
  Frames hub(std::move(fd));
  if (!hub.Send('H', std::to_string(place.node))) return Told("the first host has gone", 1);
  for (pid_t child = -1;;) {
    pollfd waits{hub.fd(), POLLIN, 0};
    ::poll(&waits, 1, child > 0 ? 50 : 1000);
    if (waits.revents != 0 && !hub.Read()) return End(child), Told("the first host, where mpirun runs, has gone", 1);
    while (const auto frame = hub.Next()) {
      if (frame->front() == 'D') return End(child), AllOver(frame->substr(1));
      if (frame->front() != 'R') continue;
      if (child > 0 || (child = StartShell(frame->substr(1))) < 0) hub.Send('E', "126");
    }
    int status = 0;
    if (child <= 0 || ::waitpid(child, &status, WNOHANG) != child) continue;
    child = -1;
    if (!hub.Send('E', std::to_string(CodeOf(status)))) return Told("the first host, where mpirun runs, has gone", 1);
  }
}

}  // namespace everstep::mpi
