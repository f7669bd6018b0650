// Tries plain TCP and UDP between ranks whose pair test got no answer, each way by itself, and says what came of it
// (core/reach.h). Both ends try at the same moment; the results go by way of the meeting, which works or there would be no
// test.
//
// One thread. All ranks call the same in the same order. Takes up to three times the wait for each way of each pair.
#pragma once

#include <string>
#include <vector>

#include "base/real/fd.h"
#include "base/result.h"
#include "base/seam/clock.h"
#include "collectives/backend/company.h"
#include "collectives/core/pairs.h"
#include "collectives/core/reach.h"

namespace everstep {

class ReachTester {
 public:
  ReachTester(const Company& company, Clock& clock);

  // A sentence a pair.
  Result<std::vector<std::string>> Explain(const std::vector<HostPair>& pairs);

 private:
  struct Ports {
    std::string address{};
    std::uint16_t stream = 0;
    std::uint16_t datagram = 0;
  };
  Result<std::vector<Ports>> Tell();
  Reach Connect(const Ports& to);
  void Serve(std::uint32_t client);
  void Shout(const Ports& to);
  std::uint32_t Heard(std::uint32_t from);

  const Company& company_;
  Clock& clock_;
  Duration wait_;
  Fd listener_{};
  Fd datagrams_{};
};

}  // namespace everstep
