// The first process of a host that is not the first: connects to the hub, runs what it is told, one command at a time, and is
// the home of its rank.
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/mpi/home.h"
#include "agent/mpi/process.h"
#include "agent/mpi/program.h"
#include "agent/mpi/signals.h"
#include "base/real/clock.h"
#include "base/real/proc.h"
#include "base/text.h"

namespace everstep::mpi {

namespace {

constexpr int kHubComesWithin = 60;  // seconds: its host may be slower to start
// Why the hub has gone is told by its own host's agent; if nobody stops this process by then, it was the connection.
constexpr Duration kStoppedWithin = 30s;

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

Fd ConnectToHub(const Place& place, const Signals& signals) {
  for (int tenths = 0; tenths < 10 * kHubComesWithin; ++tenths) {
    if (Fd fd = ConnectOnce(place); fd.open()) return fd;
    if (signals.AsksToEnd(100)) break;
  }
  return Fd();
}

class Node {
 public:
  Node(const Place& place, const std::vector<std::string>& program) : place_(place), home_(place, program, true) {}
  int Run();

 private:
  void Turn();
  void FromHub();
  void RunCommand(const std::string& command);
  void EndCommand();
  void AllOver(int code);
  std::optional<Ended> End();

  const Place place_;
  const Signals signals_{};
  Home home_;
  std::unique_ptr<Frames> hub_{};  // nullptr: it has gone
  pid_t command_ = 0;              // 0: none runs
  std::optional<Time> hub_lost_at_{};
  RealClock clock_{};
};

// By the shell, as a remote shell runs it.
void Node::RunCommand(const std::string& command) {
  if (command_ == 0)
    if (const auto started = StartProcess({.argv = {"/bin/sh", "-c", command}, .environment = place_.environment})) {
      command_ = *started;
      return;
    }
  hub_->Send('E', "126");
}

// SIGTERM, and SIGKILL two seconds later.
void Node::EndCommand() {
  if (command_ == 0) return;
  const Fd process = OpenPidfd(command_);
  ::kill(-command_, SIGTERM);
  pollfd ended{process.get(), POLLIN, 0};
  ::poll(&ended, 1, 2000);
  ::kill(-command_, SIGKILL);
  ::waitpid(command_, nullptr, 0);
  command_ = 0;
}

void Node::AllOver(int code) {
  home_.Over(code);
  TellHomes(place_, code);
  EndCommand();
  hub_.reset();
}

void Node::FromHub() {
  const bool there = hub_->Read();
  while (const auto frame = hub_->Next()) {
    if (frame->front() == 'R') RunCommand(frame->substr(1));
    if (frame->front() == 'D') return AllOver(static_cast<int>(ParseUnsigned(frame->substr(1)).value_or(1)));
  }
  if (there) return;
  hub_lost_at_ = clock_.Now();
  AllOver(Told("the first host, where mpirun runs, has gone", 1));
}

void Node::Turn() {
  std::vector<pollfd> waits{{signals_.fd(), POLLIN, 0}, {hub_ ? hub_->fd() : -1, POLLIN, 0}};
  home_.AddTo(waits);
  ::poll(waits.data(), waits.size(), 1000);
  while (const auto signal = signals_.Next()) home_.Heard(*signal);
  home_.Turn();
  if (hub_) FromHub();
  int status = 0;
  if (command_ == 0 || ::waitpid(command_, &status, WNOHANG) != command_) return;
  command_ = 0;
  if (hub_) hub_->Send('E', std::to_string(EndedBy(status).Code()));
}

std::optional<Ended> Node::End() {
  if (const auto end = EndOf(home_.fate())) return end;
  if (hub_lost_at_ && !home_.fate().asked && clock_.Now() - *hub_lost_at_ > kStoppedWithin) return Ended{.code = 1};
  return std::nullopt;
}

int Node::Run() {
  if (!home_.Open()) return 1;
  Fd fd = ConnectToHub(place_, signals_);
  if (!fd.open()) return Told(Cat("cannot reach ", place_.master, ":", place_.port, ", where mpirun is to run"), 1);
  hub_ = std::make_unique<Frames>(std::move(fd));
  if (!hub_->Send('H', std::to_string(place_.node))) return Told("the first host has gone", 1);
  for (;;) {
    Turn();
    const auto end = End();
    if (!end) continue;
    if (hub_) hub_->Send('F', "");
    EndAs(*end);
  }
}

}  // namespace

int RunNode(const Place& place, const std::vector<std::string>& program) { return Node(place, program).Run(); }

}  // namespace everstep::mpi
