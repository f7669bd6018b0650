// Runs probes where a hang cannot stop anybody: each in a process of its own with a deadline, all at once. What does not come
// back is killed, and told with what it waited for; a process that even SIGKILL does not end (D state) is left behind, never
// waited for.
//
// REQUIRES: the calling process has one thread (it forks, and the children go on in C++).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "health/probe/sink.h"

namespace everstep::health {

struct Probe {
  std::string name{};                 // "mount /data"
  std::string scope{};                // of its readings, where all have one
  std::vector<std::string> checks{};  // that it reads
  Duration deadline = 3s;
  std::function<void(Sink&)> run{};
};

struct ProbeResult {
  std::vector<Reading> readings{};  // that arrived before its end
  // Why there are no more: "no answer within 3 s, waiting for statvfs(/data)". nullopt: it ended well.
  std::optional<std::string> broken{};
  bool timed_out = false;
};

// In the order of the probes. Takes as long as the slowest, at most the longest deadline and a moment.
std::vector<ProbeResult> RunProbes(const std::vector<Probe>& probes);

}  // namespace everstep::health
