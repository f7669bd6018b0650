// What came of a run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"
#include "tests/sim/faults.h"

namespace everstep::sim {

struct Outcome {
  std::vector<std::string> violations{};  // the first few
  std::string swarm{};                    // what the seed has drawn beside its faults
  std::uint64_t hash = 0;                 // of every line of the trace, with its time
  std::uint64_t decisions = 0;            // hash of every fact and its time, without the wall clock
  std::uint64_t events = 0;
  Duration virtual_time{0};
  std::size_t restarts = 0, done = 0, failed = 0, cancelled = 0;
  std::size_t superseded = 0;  // launchers beside which another one was started
  bool halted = false;         // two launchers had a log each, and the one that is left decides nothing
  std::size_t quarantines = 0;
  std::size_t evictions = 0;
  std::size_t evictions_false = 0;     // of a host that could hear and be heard all the time
  std::vector<Duration> detections{};  // of a host that stood still or lost its power: until it was evicted
  std::vector<Duration> recoveries{};  // from the first sign of trouble to the start of the next generation
  std::uint64_t steps = 0, steps_lost = 0;
  Duration saving{0};             // of jobs that are done: their ranks waited for saves
  Duration useful{0}, lasted{0};  // of jobs that are done: steps that counted, and from the first rank to the end
  std::vector<Fault> faults{};
  std::vector<std::string> trace{};  // the newest lines, or all of them (RunOptions::keep_trace)
};

}  // namespace everstep::sim
