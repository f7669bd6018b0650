// The keeper's side of its socket: lets agents in, reads their messages, shows them the status.
//
// One agent at a time: a new one that says a proper hello takes the place of the old one, which is told so. A client that says
// anything else is told why and closed, and disturbs nobody. An agent that does not read misses intermediate states, never the
// newest, and holds nothing up.
//
// Thread: the keeper's loop.
#pragma once

#include <poll.h>

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "agent/keeper/line_socket.h"
#include "base/seam/processes.h"

namespace everstep {

class AgentDoor {
 public:
  // REQUIRES: `listening` is a non-blocking listening Unix socket.
  explicit AgentDoor(Fd listening) : listening_(std::move(listening)) {}

  void AddTo(std::vector<pollfd>& polled);
  // After poll() on what AddTo added: whole messages of the agent, in order.
  std::vector<ToKeeper> Take(const std::vector<pollfd>& polled);

  bool has_agent() const { return agent_.open(); }
  // Sends unless the agent has this one already, or is still busy with an older one: call it every turn.
  void Show(const KeeperStatus& status);

 private:
  void Accept();
  // True once `client` may become the agent.
  bool Greeted(LineSocket& client);
  static void Refuse(LineSocket& client, std::string why);
  std::vector<ToKeeper> Messages();

  Fd listening_;
  std::deque<LineSocket> candidates_;  // no hello yet; oldest first
  LineSocket agent_;
  std::optional<KeeperStatus> shown_;  // to agent_
  std::size_t first_ = 0;              // of our entries in `polled`
};

}  // namespace everstep
