// The endpoints of one rank, one a NIC: its rails. Rail i talks to rail i of every other rank. Thin: which message goes by
// which rail is decided by whoever posts it (core/stripe.h).
//
// One thread. An Operation names its rail, and must stay where it is until it has completed; its buffer, too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "collectives/ofi/endpoint.h"

namespace everstep {

// Memory that all rails may read and write.
struct RailMemory {
  std::vector<Registration> registrations{};  // by rail
  void* Description(std::uint32_t rail) const {
    return rail < registrations.size() ? registrations[rail].Description() : nullptr;
  }
};

class Rails {
 public:
  // REQUIRES: not empty, all of one provider.
  static Result<std::unique_ptr<Rails>> Open(std::vector<FabricInfo> infos);

  std::uint32_t size() const { return static_cast<std::uint32_t>(endpoints_.size()); }
  Endpoint& operator[](std::uint32_t rail) { return *endpoints_[rail]; }
  const Endpoint& operator[](std::uint32_t rail) const { return *endpoints_[rail]; }
  std::string provider() const { return endpoints_[0]->provider(); }
  std::size_t message_max() const;

  Result<RailMemory> Register(const void* data, std::size_t bytes);

  // As Endpoint's, by the operation's rail.
  Result<bool> Send(Operation& operation, const void* data, std::size_t bytes, void* description);
  Result<bool> Receive(Operation& operation, void* data, std::size_t bytes, void* description);
  void Cancel(Operation& operation) { endpoints_[operation.rail]->Cancel(operation); }

  // Of all rails together.
  Result<std::size_t> Poll();
  Result<std::size_t> PollAfterSleep(Duration most);

 private:
  std::vector<std::unique_ptr<Endpoint>> endpoints_{};
};

}  // namespace everstep
