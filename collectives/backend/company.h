// The ranks of a test as one of them sees them: who it is, who the others are, and what it can ask of all. Handed to whatever
// moves the bytes (backend.h), so that it knows no sockets.
//
// One thread. Exchange and what is built on it must be called alike on all ranks; each is a barrier.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "collectives/core/stuck.h"

namespace everstep {

struct Company {
  std::uint32_t rank = 0;
  std::uint32_t ranks = 1;
  std::vector<std::string> hosts{"?"};  // by rank
  std::vector<std::string> racks{};     // by rank; empty: not known of all of them, or there is only one
  std::string address{};                // numeric, by which the others are reached; empty: nobody else
  Duration timeout = 10s;               // without any progress

  // Everybody gives a text and gets all, in order of rank.
  std::function<Result<std::vector<std::string>>(const std::string&)> exchange = [](const std::string& text) {
    return Result<std::vector<std::string>>(std::vector{text});
  };
  // Whether all are still there; an error ends a wait.
  std::function<Status()> look = [] { return Status(); };
  // What is said about a wait that was too long; all ranks agree there on who it is.
  std::function<Status(const StuckWait&)> stuck = [](const StuckWait& wait) {
    return Status(Fail(ErrorCode::kTimeout, wait.how));
  };

  // "rank 3 (n4)"
  std::string Who(std::uint32_t of) const;
  // How many ranks before this one are on its host, and how many there are in all.
  std::uint32_t PlaceOnHost() const;
  std::uint32_t RanksOnHost() const;

  Result<std::vector<double>> Numbers(double own) const;  // by rank
  Result<double> Mean(double own) const;
  Result<double> Largest(double own) const;
  Status Barrier() const;
};

}  // namespace everstep
