// One rank's side of a test of a pair: small messages to and fro, a stream each way, both ways at once. Everything that comes
// is compared, the smallest acknowledgement too, and none of it while the clock runs for bandwidth.
//
// Every message has a number and other data than those before it: one that came twice, or what lay there since an earlier one,
// is wrong data. Messages go in windows, each message into memory of its own; when a window has come the sender is told, and
// its clock stops until the receiver has compared all of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/seam/clock.h"
#include "collectives/probe/group.h"
#include "collectives/reduce/exact_data.h"

namespace everstep {

// What one end of a pair has measured over one rail. Of two directions: there and back, `first` to the other.
struct PairSide {
  double latency_p50 = 0;  // seconds, half a round trip; 0: none came back
  double latency_p99 = 0;
  std::optional<double> one_way[2]{};  // bytes a second
  std::optional<double> both_ways{};   // the sum of both at once
  std::string wrong{};                 // of what came to this end, a sentence; empty: nothing
  std::string error{};                 // why it has ended early; empty: it has not
};

// After a test that failed there is new memory: something may still arrive in the old.
class PairTester {
 public:
  // `bytes` a message, a multiple of 8. `tamper`: a message of each part of a test, in which this rank finds a bit turned.
  PairTester(const ProbeGroup& group, PairLink& link, std::size_t bytes, std::uint64_t salt,
             std::optional<std::uint32_t> tamper, Clock& clock);

  // `test` counts alike on both ranks and is new each time over this rail; `messages` a direction, one more to warm up.
  Result<PairSide> Test(std::uint32_t peer, bool first, std::size_t test, std::uint32_t rail, std::uint32_t messages);
  // With itself: latency, and both ways at once.
  Result<PairSide> Loopback(std::uint32_t rail, std::uint32_t messages);

 private:
  enum class Part { latency, stream, both };

  Status Begin(std::uint32_t peer, std::size_t test, std::uint32_t rail, std::uint32_t messages);
  PairPath To() const { return {.peer = peer_, .test = test_, .rail = rail_}; }
  std::byte* Slot(std::uint32_t index) { return in_ + index * bytes_; }
  const std::byte* Given() const;
  Status Send(std::size_t bytes);
  Status Receive(std::byte* into, std::size_t bytes);
  Status Swap(std::byte* into, std::size_t bytes);
  void Compare(std::byte* came, std::uint64_t number, std::size_t bytes, Part part, std::uint32_t message);
  void CompareWindow(std::uint64_t number, std::uint32_t count, Part part, std::uint32_t message);

  Result<PairSide> Pinged(bool first);
  Result<double> Stream(bool sends);
  Result<double> StreamWindow(bool sends, std::uint32_t message, std::uint32_t count);
  Result<double> Both();
  std::string Wrong() const;

  const ProbeGroup& group_;
  PairLink& link_;
  Clock& clock_;
  std::size_t bytes_;
  std::optional<std::uint32_t> tamper_;
  ExactData data_;
  std::byte* out_ = nullptr;
  std::byte* in_ = nullptr;
  std::uint32_t slots_ = 0;  // messages for which there is memory
  bool spoilt_ = true;       // there is no memory, or something may still arrive in it

  // Of the test that runs.
  std::uint32_t peer_ = 0;
  std::uint16_t test_ = 0;
  std::uint32_t rail_ = 0;
  std::uint32_t messages_ = 0;
  std::uint64_t number_ = 0;           // of the next message, of whichever direction
  std::vector<std::byte> expected_{};  // two periods of what the peer gives
  std::optional<std::uint32_t> expected_of_{};
  std::string wrong_{};  // the first
  std::uint64_t wrong_messages_ = 0;
};

}  // namespace everstep
