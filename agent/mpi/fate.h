// When the home of a rank ends, and how: a pure function of what it has seen.
//
// The cause must be heard of before what follows from it. So a home whose program failed by itself ends at once, as the program
// did; one whose program mpirun has ended, because of another rank, waits to be stopped, as does one whose program is done
// while the others' are not.
#pragma once

#include <optional>

namespace everstep::mpi {

// How a process ended: by this signal, or else with this code.
struct Ended {
  int code = 0;
  std::optional<int> signal{};

  bool Well() const { return !signal && code == 0; }
  // As a shell says it.
  int Code() const { return signal ? 128 + *signal : code; }
  friend bool operator==(const Ended&, const Ended&) = default;
};

// Of wait(2).
Ended EndedBy(int wait_status);

struct Fate {
  bool holds = false;            // mpirun or its daemon hangs on this process: when asked to end, it stays until all is over
  bool came = false;             // mpirun has started the rank
  std::optional<Ended> ended{};  // its program
  bool swept = false;            // mpirun has ended the program, or left it alone
  bool asked = false;            // to end: by whoever has started this home
  std::optional<int> over{};     // mpirun's code
};

// The program failed by itself.
bool Failed(const Fate& fate);

// nullopt: not yet.
std::optional<Ended> EndOf(const Fate& fate);

}  // namespace everstep::mpi
