#include "collectives/ofi/rails.h"

#include <poll.h>
#include <sched.h>

#include <algorithm>

#include "base/check.h"

namespace everstep {

Result<std::unique_ptr<Rails>> Rails::Open(std::vector<FabricInfo> infos) {
  Check(!infos.empty(), "a rank has a rail");
  auto rails = std::make_unique<Rails>();
  for (FabricInfo& info : infos) {
    EVERSTEP_ASSIGN(std::unique_ptr<Endpoint> endpoint, Endpoint::Open(std::move(info)));
    rails->endpoints_.push_back(std::move(endpoint));
  }
  return rails;
}

std::size_t Rails::message_max() const {
  std::size_t most = endpoints_[0]->message_max();
  for (const auto& endpoint : endpoints_) most = std::min(most, endpoint->message_max());
  return most;
}

Result<RailMemory> Rails::Register(const void* data, std::size_t bytes) {
  RailMemory memory;
  for (const auto& endpoint : endpoints_) {
    EVERSTEP_ASSIGN(Registration registration, endpoint->Register(data, bytes));
    memory.registrations.push_back(std::move(registration));
  }
  return memory;
}

Result<bool> Rails::Send(Operation& operation, const void* data, std::size_t bytes, void* description) {
  return endpoints_[operation.rail]->Send(operation, data, bytes, description);
}

Result<bool> Rails::Receive(Operation& operation, void* data, std::size_t bytes, void* description) {
  return endpoints_[operation.rail]->Receive(operation, data, bytes, description);
}

Result<std::size_t> Rails::Poll() {
  std::size_t completed = 0;
  for (const auto& endpoint : endpoints_) {
    EVERSTEP_ASSIGN(const std::size_t some, endpoint->Poll());
    completed += some;
  }
  return completed;
}

// A queue's own wait would leave the other rails without progress.
Result<std::size_t> Rails::PollAfterSleep(Duration most) {
  if (endpoints_.size() == 1) return endpoints_[0]->PollAfterSleep(most);
  std::vector<pollfd> ready;
  for (const auto& endpoint : endpoints_)
    if (endpoint->wait_fd() && endpoint->MaySleep()) ready.push_back({*endpoint->wait_fd(), POLLIN, 0});
  if (ready.size() < endpoints_.size()) {
    sched_yield();
    return Poll();
  }
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(most).count();
  (void)::poll(ready.data(), ready.size(), static_cast<int>(milliseconds));
  return Poll();
}

}  // namespace everstep
