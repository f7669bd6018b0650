// "Does it live?" over a fresh connection, as proto/rpc/dialer.h does it: refused by a machine whose agent is dead, nothing
// from one that does not answer in time.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/messages.h"
#include "tests/sim/agent_process.h"

namespace everstep::sim {

struct Dialled {
  PeerFinding finding = PeerFinding::nothing;
  std::optional<Pong> pong{};
  std::string evidence{};
};

// `done` is called once, within `deadline`, wherever the asking process may be by then.
void Dial(const Surroundings& around, int from, const std::string& address, const Ping& ping, Duration deadline,
          std::function<void(Dialled)> done);

}  // namespace everstep::sim
