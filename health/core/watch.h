// The judgement of who watches a host all the time: readings in, alarms that were raised or are over out. Counters become
// growth, readings become verdicts, verdicts become alarms (counters.h, verdict.h, alarms.h), in the profile's limits.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "health/core/alarms.h"
#include "health/core/counters.h"
#include "health/core/history.h"
#include "health/core/verdict.h"

namespace everstep::health {

// What the next watch of the same boot goes on with.
struct WatchMemory {
  std::vector<Alarm> raised{}, pending{};  // pending: too few bad looks yet
  std::vector<CounterMemory> counters{};
  std::vector<HostGpu> gpus{};
};

class Watch {
 public:
  // `started`: the host's start, as the grace counts from there.
  Watch(const std::vector<Check>& checks, Profile profile, AlarmOptions options, Time started);

  // A reading of a check that is not in the catalogue says nothing.
  std::vector<AlarmChange> Take(const Reading& reading, Time now);
  std::vector<AlarmChange> Expire(Time now);
  WatchMemory Memory() const;
  // REQUIRES: nothing was taken yet.
  void Restore(const WatchMemory& memory, Time now);
  // The kernel's log is followed from now on, or cannot be, for this reason: so much is known of each check of its lines.
  void Follow(const std::optional<std::string>& unread, Time now);
  // The GPUs that NVML has told of, also those that do not answer any more: nobody takes one out of a host that runs.
  std::vector<HostGpu> Gpus() const;
  // All of them, also those of kernel lines.
  std::vector<HostCheck> Checks(Time now) const { return history_.Checks(now); }
  // The newest verdict of each check and scope, by its state; of kernel lines none: their alarms speak.
  struct Counts {
    std::uint32_t judged = 0, failing = 0, warning = 0, unknown = 0;
  };
  Counts Newest() const;

 private:
  std::map<std::string, Check> checks_{};
  Profile profile_;
  Duration clear_after_;
  Counters counters_{};
  std::map<std::pair<std::string, std::string>, State> newest_{};
  Alarms alarms_;
  History history_{};
  std::vector<HostGpu> gpus_before_{};  // that the watch before this one knew
};

}  // namespace everstep::health
