// Runs probes where a hang cannot stop anybody: each in a process of its own with a deadline, all at once. What does not come
// back is killed, and told with what it waited for; a process that even SIGKILL does not end (D state) is left behind, never
// waited for.
//
// REQUIRES: the calling process has one thread (it forks, and the children go on in C++).
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/real/fd.h"
#include "base/time.h"
#include "health/probe/sink.h"

namespace everstep::health {

struct Probe {
  std::string name{};                 // "mount /data"
  std::string scope{};                // of its readings, where all have one
  std::vector<std::string> checks{};  // that it reads
  Duration deadline = 3s;
  bool alone = false;  // it takes all of the host: not before the others have ended
  std::function<void(Sink&)> run{};
};

struct ProbeResult {
  std::vector<Reading> readings{};  // that arrived before its end
  // Why there are no more: "no answer within 3 s, waiting for statvfs(/data)". nullopt: it ended well.
  std::optional<std::string> broken{};
  bool timed_out = false;
  pid_t left = -1;  // of a process that even SIGKILL did not end within a moment: it hangs in the kernel
};

// Probes that run beside a loop that does other things: it polls the descriptors together with its own.
class ProbeRun {
 public:
  explicit ProbeRun(const std::vector<Probe>& probes, Time now);
  ~ProbeRun();  // kills what still runs
  ProbeRun(const ProbeRun&) = delete;
  ProbeRun& operator=(const ProbeRun&) = delete;

  bool Done() const;
  // Appends the descriptors that have to be polled for reading.
  void AddTo(std::vector<pollfd>& polled) const;
  // When Step is due at the latest. REQUIRES: !Done().
  Time NextDeadline() const;
  // Reads what there is, gives up what is late. Blocks for 200 ms at most for each probe that ends.
  void Step(Time now);
  // In the order of the probes.
  const std::vector<ProbeResult>& results() const { return results_; }

 private:
  struct Running {
    pid_t pid = -1;
    Fd output{};
    Time until{};
    std::string bytes{};
    std::string waiting{};
  };
  static Running Start(const Probe& probe, Time now);
  static void TakeLines(Running& running, ProbeResult& result);
  static void Bury(Running& running, bool killed, ProbeResult& result);
  static void GiveUp(Duration deadline, Running& running, ProbeResult& result);
  static bool ReadSome(Running& running, ProbeResult& result);

  std::vector<Duration> deadlines_{};
  std::vector<Running> running_{};
  std::vector<ProbeResult> results_{};
};

// All at once, to their end: takes as long as the slowest, at most the longest deadline and a moment. Then those that want to
// be alone, one after the other.
std::vector<ProbeResult> RunProbes(const std::vector<Probe>& probes);

}  // namespace everstep::health
