// Carries out plans (collectives/core/plan.h) over the rails of one rank, in host memory. Each message is dealt over all rails
// (core/stripe.h).
//
// Receives of the next round are posted before this one is waited for, so that nothing arrives unexpected; what a round adds is
// added in pieces as they land. Out of place, the first addition to a block lands in the result and has the source added to it:
// nothing is copied beforehand.
//
// One thread. Every wait ends at the deadline, names who was waited for and how long, and looks every now and then whether
// somebody has gone. After an error the carrier must not be used again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/seam/clock.h"
#include "collectives/backend/backend.h"
#include "collectives/core/plan.h"
#include "collectives/core/sources.h"
#include "collectives/core/stripe.h"
#include "collectives/core/stuck.h"
#include "collectives/ofi/rails.h"
#include "collectives/reduce/exact_data.h"

namespace everstep {

struct CarryOptions {
  std::uint32_t rank = 0;             // the own
  std::size_t chunk_bytes = 4 << 20;  // a message costs a rendezvous: 256 KiB halves the speed (measured)
  std::size_t split_bytes = Stripes().split_bytes;
  Duration timeout = 10s;  // without any progress
  // Whether the others are still there; an error ends the wait.
  std::function<Status()> look{};
  // What is said about a wait that was too long; all ranks agree there on who it is. Empty: what this rank saw.
  std::function<Status(const StuckWait&)> stuck{};
  std::function<std::string(std::uint32_t)> who{};  // "rank 3 (n4)"
  // "rail 1 (eth1)": what a rank has there; asked where there are several.
  std::function<std::string(std::uint32_t rank, std::uint32_t rail)> nic{};
  // Own NICs that have no link: "rail 1 (eth1)".
  std::function<std::string()> down{};
  // For tests of the checks: may change what has arrived.
  std::function<void(std::uint32_t round, std::byte* data, std::size_t bytes)> tamper{};
};

// What one rank has in memory. The buffer has the plan's blocks one after the other; all_to_all: `source` the blocks to give,
// `buffer` those that came.
struct Carried {
  DataType type = DataType::f32;
  ReduceOperation operation = ReduceOperation::sum;  // avg: the sum; who has the result divides it
  const void* source = nullptr;                      // all but all_gather; may be `buffer`
  void* buffer = nullptr;
  std::size_t elements = 0;                   // of all blocks of `buffer`
  const RailMemory* source_memory = nullptr;  // nullptr: not registered
  const RailMemory* buffer_memory = nullptr;
};

struct HopCheck {
  const ExactData* data = nullptr;
  Sources sources{};
  std::vector<WrongHop> wrong{};
};

class Carrier final : public PairLink {
 public:
  Carrier(std::unique_ptr<Rails> rails, Clock& clock, CarryOptions options);
  ~Carrier() override;

  Rails& over() { return *rails_; }

  // REQUIRES: the plan is of the own rank; all ranks carry the same plans of the same sizes in the same order. `check` may be
  // nullptr.
  Status Run(const Plan& plan, const Carried& carried, HopCheck* check);

  // Seconds that this rank has waited for data from each other since the last call.
  std::vector<double> TakeWaits(std::uint32_t ranks);

  // PairLink.
  std::uint32_t rails() const override { return rails_->size(); }
  std::string Nic(std::uint32_t rank, std::uint32_t rail) const override;
  Result<std::byte*> Room(std::size_t bytes) override;
  Status SendTo(const PairPath& path, const void* data, std::size_t bytes) override;
  Status ReceiveFrom(const PairPath& path, void* data, std::size_t bytes) override;
  Status SwapWith(const PairPath& path, const void* out, void* in, std::size_t bytes) override;

 private:
  struct Job;
  struct Incoming;
  struct RoundReceives;
  // A message of a pair test, in pieces.
  struct Flight {
    std::vector<std::unique_ptr<Operation>> pieces{};
    std::size_t piece_bytes = 0;
    std::size_t bytes = 0;
  };

  // Posts, or waits for, a message of a pair test. One that fails is cancelled and kept.
  Status Start(Flight& flight, void* data);
  Status Finish(Flight& flight);
  void Abandon(Flight& flight);
  Flight Message(const PairPath& path, bool sends, std::size_t bytes) const;
  const RailMemory* MemoryOf(const void* data) const;
  Stripes Striped() const;
  std::uint64_t Tag(std::uint32_t sender, std::size_t round, std::size_t chunk) const;
  Status Post(Operation& operation, bool send, void* data, std::size_t bytes, void* description, bool asks);
  Status PostReceives(Job& job, std::size_t round);
  Status PostSends(Job& job, std::size_t round);
  Status ApplyReceives(Job& job, std::size_t round);
  void Apply(Job& job, std::size_t round, const Incoming& piece);
  void CheckHop(Job& job, std::size_t round, const Incoming& piece);
  // Past the deadline: everybody is asked (a collective), or not.
  Status WaitFor(const Operation& operation, std::size_t round, bool asks);
  Status Broken(const Operation& operation, std::size_t round, const std::string& what);
  Status Stuck(const Operation& operation, std::size_t round);
  std::string Told(const Operation& operation, std::size_t round, const std::string& what) const;

  struct PairRoom {
    std::vector<std::byte> bytes{};
    RailMemory memory{};
  };

  // Destroyed in reverse: the rails before the operations and the memory that they may still hold; what is registered with them
  // is given back before.
  std::vector<Operation> sends_{};
  std::vector<std::unique_ptr<Operation>> abandoned_{};
  std::unique_ptr<RoundReceives> receives_[2];
  std::vector<std::unique_ptr<PairRoom>> rooms_{};
  std::unique_ptr<Rails> rails_;
  Clock& clock_;
  CarryOptions options_;
  std::uint16_t sequence_ = 0;
  std::uint64_t rounds_before_ = 0;  // of the runs before this one
  std::vector<double> waits_{};
};

}  // namespace everstep
