#include "tests/sim/dial.h"

#include <memory>

#include "base/text.h"

namespace everstep::sim {

namespace {

struct Call {
  const Surroundings& around;
  int from = 0;
  std::string address{};
  Ping ping{};
  std::function<void(Dialled)> done{};

  void Finish(Dialled dialled) {
    if (const auto answer = std::exchange(done, nullptr)) answer(std::move(dialled));
  }
};

void Knock(const std::shared_ptr<Call>& call) {
  const Surroundings& around = call->around;
  around.agenda.After(around.network.Delay(), [call] {
    if (!call->done) return;
    const Surroundings& here = call->around;
    AgentProcess* agent = here.agent_at(call->address);
    if (!agent || !here.network.Passes(call->from, agent->machine().index))
      return here.agenda.After(1s, [call] { Knock(call); });  // a SYN is repeated after a second
    const int there = agent->machine().index;
    if (const Time clogged = here.network.ClogUntil(call->from, there); clogged > here.agenda.now())
      return here.agenda.At(clogged, [call] { Knock(call); });
    const auto back = [call, there](Dialled dialled) {
      call->around.agenda.After(call->around.network.Delay(), [call, there, dialled] {
        if (call->around.network.Passes(there, call->from)) call->Finish(dialled);
      });
    };
    if (!agent->Alive()) return back({PeerFinding::agent_down, std::nullopt, Cat("connection refused by ", call->address)});
    agent->TakePing(call->ping, [back, address = call->address](std::optional<Pong> pong) {
      if (pong) back({PeerFinding::alive, std::move(pong), Cat("answered by ", address)});
    });
  });
}

}  // namespace

void Dial(const Surroundings& around, int from, const std::string& address, const Ping& ping, Duration deadline,
          std::function<void(Dialled)> done) {
  const auto call = std::make_shared<Call>(Call{around, from, address, ping, std::move(done)});
  around.agenda.After(deadline, [call] { call->Finish({PeerFinding::nothing, std::nullopt, "no answer in time"}); });
  Knock(call);
}

}  // namespace everstep::sim
