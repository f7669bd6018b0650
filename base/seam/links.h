// Transport, one of the five seams, from both ends. Sending never blocks and never fails visibly: a message to a session that
// is gone is dropped, and the loop hears of the loss as an input. All that arrives comes to the loop thread as inputs (structs
// below), validated.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "base/ids.h"
#include "base/messages.h"
#include "base/result.h"

namespace everstep {

// ---- the launcher's end --------------------------------------------------------------------------------------------------

// An agent's stream has delivered its Hello. Further messages of the session follow.
struct SessionOpened {
  SessionId session{};
  std::string peer{};  // "ipv4:10.0.0.7:41234", for people
  Hello hello{};
};
struct SessionMessage {
  SessionId session{};
  FromAgent message{};  // never a second Hello: the rim ends such a session
};
struct SessionClosed {
  SessionId session{};
  std::string why{};
};
// The answer to AgentLinks::Dial.
struct DialAnswer {
  NodeId node{};
  std::uint64_t nonce = 0;
  PeerFinding finding = PeerFinding::nothing;
  std::optional<Pong> pong{};  // set iff alive
  std::string evidence{};
};

class AgentLinks {
 public:
  virtual ~AgentLinks() = default;
  virtual void Send(SessionId session, ToAgent message) = 0;
  // The same one to many sessions: it may be long, and is made ready for the wire once.
  virtual void SendWelcome(SessionId session, const std::shared_ptr<const Welcome>& welcome) { Send(session, *welcome); }
  // Ends the session after what was sent before; SessionClosed follows.
  virtual void Close(SessionId session) = 0;
  // Asks over a fresh connection; DialAnswer follows within `deadline`.
  virtual void Dial(const NodeId& node, const std::string& address, const Ping& ping, Duration deadline) = 0;
};

// ---- the agent's end -----------------------------------------------------------------------------------------------------

struct LinkOpened {};  // the stream stands; send Hello
struct LinkMessage {
  ToAgent message;
};
struct LinkClosed {
  std::string why;
};  // also when it could not be opened
// A ping came in: answer with LauncherLink::Answer(token, pong), or nullopt to refuse (it was meant for another host).
struct PingReceived {
  std::uint64_t token = 0;
  Ping ping{};
};
// The answer to LauncherLink::Ask.
struct PingAnswer {
  NodeId node{};
  std::uint64_t nonce = 0;
  PeerFinding finding = PeerFinding::nothing;
  std::optional<Pong> pong{};
  std::string evidence{};
};

class LauncherLink {
 public:
  virtual ~LauncherLink() = default;
  // Opens a stream to the launcher; LinkOpened or LinkClosed follows. Called only when there is none.
  virtual void Open() = 0;
  virtual void Send(FromAgent message) = 0;
  // Gives the stream up, also one that is still being opened. LinkClosed follows soon, however silent the other end is.
  virtual void Close() = 0;
  // Asks a peer over a fresh connection; PingAnswer follows within `deadline`.
  virtual void Ask(const NodeId& node, const std::string& address, const Ping& ping, Duration deadline) = 0;
  virtual void Answer(std::uint64_t token, std::optional<Pong> pong) = 0;
};

}  // namespace everstep
