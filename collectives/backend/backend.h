// What moves the bytes of a test: libfabric, NCCL or MPI behind one interface. The probe fills, times and compares, and knows
// none of them; a back end decides nothing about figures or faults.
//
// One thread. All ranks make the same calls in the same order. Every wait ends at the company's timeout and says what it waited
// for. After an error that is not a pair's own, a back end must not be used again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "collectives/backend/company.h"
#include "collectives/core/formulas.h"
#include "collectives/core/proof.h"
#include "collectives/reduce/exact_data.h"

namespace everstep {

enum class Side { source, result };

// Where the data of a collective lie, in the memory of one rank. In place there is no source but the result.
//   all_reduce      source and result: the whole
//   reduce_scatter  source: N shares; result: the own share, at its place among N
//   all_gather      source: the own share; result: N shares, the own one there before the start
//   all_to_all      source: N shares to give; result: N shares that came. Never in place
struct CollectiveRun {
  Collective collective = Collective::all_reduce;
  DataType type = DataType::f32;
  ReduceOperation operation = ReduceOperation::sum;  // of those that reduce
  Shape shape{};
  bool in_place = false;
};

// Where in `result`, in elements, what a rank has reduced lies. count 0: it reduces nothing.
struct ResultRange {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
};
inline ResultRange ResultOf(const CollectiveRun& run, std::uint32_t rank) {
  switch (run.collective) {
    case Collective::all_reduce: return {.first = 0, .count = run.shape.count};
    case Collective::reduce_scatter: return {.first = rank * run.shape.count, .count = run.shape.count};
    case Collective::all_gather:
    case Collective::all_to_all: break;
  }
  return {};
}

// What a message must have held and did not.
struct WrongHop {
  std::uint32_t round = 0;
  std::uint32_t from = 0;
  std::uint64_t element = 0;  // of the buffer
  double expected = 0;
  double got = 0;
  std::size_t elements = 0;
};

// Where a message of a pair test goes.
struct PairPath {
  std::uint32_t peer = 0;
  std::uint16_t test = 0;               // tells tests apart, so that what comes too late belongs to none
  std::optional<std::uint32_t> rail{};  // nullopt: as a collective's message goes, over all
};

// Messages between two ranks, for tests of pairs. A failure is the pair's, not everybody's: kTimeout after the company's
// timeout, and the link goes on; memory of a message that failed must stay until the back end is gone, so it is the link's own.
class PairLink {
 public:
  virtual ~PairLink() = default;
  virtual std::uint32_t rails() const { return 1; }  // on all ranks alike
  // "rail 1 (eth1)": what a rank has there. Asked where there are several.
  virtual std::string Nic(std::uint32_t, std::uint32_t rail) const { return "rail " + std::to_string(rail); }
  // Memory for messages, registered where that needs to be; it stays as long as the link.
  virtual Result<std::byte*> Room(std::size_t bytes) {
    rooms_.push_back(std::make_unique<std::byte[]>(bytes));
    return rooms_.back().get();
  }
  virtual Status SendTo(const PairPath& path, const void* data, std::size_t bytes) = 0;
  virtual Status ReceiveFrom(const PairPath& path, void* data, std::size_t bytes) = 0;
  virtual Status SwapWith(const PairPath& path, const void* out, void* in, std::size_t bytes) = 0;

 private:
  std::vector<std::unique_ptr<std::byte[]>> rooms_{};
};

// A NIC of this rank, as it is used.
struct RailUse {
  std::string name{};
  std::string address{};                     // numeric; empty where it has none of IP
  std::optional<std::string> rdma_device{};  // that its bytes should pass; nullopt: none, or not known
  MovedBytes moved{};                        // payload since the start
};

// Memory of a size, registered with the NIC and given back.
struct Registered {
  std::string nic{};  // empty: there is one only
  std::size_t bytes = 0;
  double register_seconds = 0;
  double deregister_seconds = 0;
  std::string error{};  // with what to do; empty: it was registered
};

class Backend {
 public:
  virtual ~Backend() = default;

  virtual std::string Library() const = 0;  // "libfabric 1.17"
  virtual std::string Device() const = 0;   // of this rank: "tcp eth0,eth1"

  // Memory for sizes up to `bytes`, once, before anything else of a collective.
  virtual Status Reserve(std::size_t bytes) = 0;
  // Host memory with what a side holds: written before Upload, read after Download. The memory itself, or a copy of a device's.
  virtual std::byte* Image(Side side) = 0;
  virtual Status Upload(std::size_t) { return {}; }
  virtual Status Download(std::size_t) { return {}; }

  // Called before the runs of a size.
  virtual Status Prepare(const CollectiveRun&) { return {}; }
  // Seconds that so many runs took one after the other on this rank.
  virtual Result<double> Timed(const CollectiveRun& run, std::uint32_t times) = 0;
  // One run of `data`; what was wrong on the way, where messages can be looked at.
  virtual Result<std::vector<WrongHop>> Check(const CollectiveRun& run, const ExactData& data) = 0;
  // Seconds that this rank has waited for data from each other since the last call; empty: not known.
  virtual std::vector<double> TakeWaits() { return {}; }

  // Empty: not known.
  virtual std::vector<RailUse> Nics() const { return {}; }
  // Registers memory of each size with every NIC, until one fails; empty: there is nothing to register.
  virtual std::vector<Registered> Register(const std::vector<std::size_t>&) { return {}; }

  // nullptr: it has no messages between two.
  virtual PairLink* Pairs() { return nullptr; }
};

}  // namespace everstep
