#include "agent/keeper/agent_door.h"

#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "agent/keeper/wire.h"
#include "base/text.h"

namespace everstep {

namespace {
constexpr std::size_t kCandidatesMax = 8;
}  // namespace

void AgentDoor::AddTo(std::vector<pollfd>& polled) {
  first_ = polled.size();
  polled.push_back({.fd = listening_.get(), .events = POLLIN, .revents = 0});
  polled.push_back({.fd = agent_.fd(), .events = agent_.wanted(), .revents = 0});  // poll() skips -1
  for (const LineSocket& candidate : candidates_)
    polled.push_back({.fd = candidate.fd(), .events = candidate.wanted(), .revents = 0});
}

std::vector<ToKeeper> AgentDoor::Take(const std::vector<pollfd>& polled) {
  std::vector<ToKeeper> messages;
  if (polled[first_ + 1].revents != 0) messages = Messages();
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    if (polled[first_ + 2 + i].revents == 0 || !Greeted(candidates_[i])) continue;
    // What the old one has sent by now was sent before the new one came: it still counts.
    if (agent_.open()) {
      for (ToKeeper& message : Messages()) messages.push_back(std::move(message));
      Refuse(agent_, "another agent has taken over this keeper");
    }
    agent_ = std::exchange(candidates_[i], LineSocket());
    shown_.reset();
    for (ToKeeper& message : Messages()) messages.push_back(std::move(message));
  }
  std::erase_if(candidates_, [](const LineSocket& candidate) { return !candidate.open(); });
  if (polled[first_].revents != 0) Accept();
  return messages;
}

void AgentDoor::Accept() {
  for (;;) {
    Fd fd(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd.open()) return;
    ucred peer{};
    socklen_t size = sizeof peer;
    const bool known = ::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
    LineSocket client(std::move(fd), kKeeperLineBytes);
    if (!known || (peer.uid != ::geteuid() && peer.uid != 0)) {
      Refuse(client, "this keeper obeys only its own user and root");
      continue;
    }
    if (!client.Send(HelloLine())) continue;
    if (candidates_.size() >= kCandidatesMax) candidates_.pop_front();
    candidates_.push_back(std::move(client));
  }
}

bool AgentDoor::Greeted(LineSocket& client) {
  const Status received = client.Receive();
  const std::optional<std::string> line = client.NextLine();
  if (line) {
    const Status hello = CheckHello(*line, "the agent", "this keeper");
    if (!hello) Refuse(client, hello.error().message);
    return hello.has_value();
  }
  if (!received) Refuse(client, received.error().message);
  return false;
}

void AgentDoor::Refuse(LineSocket& client, std::string why) {
  // The client may be gone or deaf: then there is nobody to tell.
  static_cast<void>(client.Send(LineOf(FromKeeper(KeeperRefused{.why = Clip(why, 1024)}))));
  client.Close();
}

std::vector<ToKeeper> AgentDoor::Messages() {
  std::vector<ToKeeper> messages;
  const Status sent = agent_.Flush();
  Status good = agent_.Receive();  // also when nothing can be sent any more: the last words say why
  if (good) good = sent;
  while (std::optional<std::string> line = agent_.NextLine()) {
    Result<ToKeeper> message = ParseToKeeper(*line);
    if (!message) {
      good = Fail(message.error());
      break;
    }
    messages.push_back(*std::move(message));
  }
  if (!good) Refuse(agent_, good.error().message);
  return messages;
}

void AgentDoor::Show(const KeeperStatus& status) {
  if (!agent_.open() || !agent_.sent_all() || shown_ == status) return;
  shown_ = status;
  if (!agent_.Send(LineOf(FromKeeper(status)))) agent_.Close();
}

}  // namespace everstep
