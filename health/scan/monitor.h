// Watches a host all the time: the kernel's log at once, counters, devices and NVML every 10 s, mounts every 60 s. Alarms come
// out; what hangs holds up nothing but itself, and is not started a second time while it hangs.
//
// One thread, which polls: descriptors of AddTo, at most TimeoutMs, then Step. Processes of probes are its children.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/host_checks.h"
#include "base/host_health.h"
#include "base/ids.h"
#include "health/core/watch.h"
#include "health/probe/kernel_listener.h"
#include "health/scan/scan.h"

namespace everstep::health {

// Probes that are run together.
struct MonitorGroup {
  std::vector<Probe> probes{};
  Duration every = 10s;
};

// Of the host: one group of all that is quick, and one for each mount.
std::vector<MonitorGroup> HostGroups(const ScanOptions& options, const Catalogue& catalogue, const Profile& profile,
                                     Duration counters_every = 10s, Duration mounts_every = 60s);

// What the next monitor of the same boot goes on with: an alarm does not end because an agent was started again, and a host
// does not get its strikes back, nor what its counters have grown by.
struct MonitorMemory {
  BootId boot{};
  std::int64_t log_seen = 0;  // of the kernel's log, up to here, in microseconds since the boot
  std::int64_t log_told = 0;  // the same, when a line last counted
  std::vector<Alarm> alarms{};
  std::vector<Alarm> pending{};  // not raised yet: too few bad looks in a row
  std::vector<CounterMemory> counters{};
  std::vector<HostGpu> gpus{};
};
EVERSTEP_FIELDS(MonitorMemory, boot, log_seen, log_told, alarms, pending, counters, gpus)

// Of a memory what is worth a disk's while: the same text, nothing has to be written. That an alarm goes on is no
// news, nor are lines of the log that do not count; one that does is, for the next monitor would tell it again.
std::string NewsIn(MonitorMemory memory);

class Monitor {
 public:
  using Emit = std::function<void(const AlarmChange&)>;
  // `log`: the kernel's, from `now` on, or from where `memory` ends. A log that cannot be read is an alarm, not an error.
  Monitor(const Catalogue& catalogue, const Profile& profile, std::vector<MonitorGroup> groups, const std::string& log,
          AlarmOptions alarms, Time now, Emit emit, const MonitorMemory& memory = {});

  // As an agent reports it.
  HostHealth Health() const;
  // All that is known, within limit::kChecksBytes. `node` is left to the agent.
  HostChecks Checks(Time now) const;
  // Grows when Checks would tell something that it has not told before.
  std::uint64_t looks() const { return looks_; }
  // `boot` is left to the caller.
  MonitorMemory Memory() const;

  void Step(Time now);
  // What only the agent can read: of other checks nothing is believed.
  void Hear(const Reading& reading, Time now);
  void AddTo(std::vector<pollfd>& polled) const;
  int TimeoutMs(Time now) const;

 private:
  struct Running {
    MonitorGroup group{};
    Time next{};
    std::unique_ptr<ProbeRun> run{};
    std::vector<ProbeResult> last{};     // of the newest run that is over
    std::vector<std::size_t> started{};  // of the group: those of the run under way, or of the last one
    bool looked = false;                 // at least once to the end
  };
  void OpenLog(const Catalogue& catalogue, const Profile& profile, const std::string& log, Time now, std::int64_t since);
  void Tell(const AlarmChange& change);
  void ReadLog(Time now);
  void StepGroup(Running& running, Time now);
  std::vector<std::size_t> Startable(Running& running) const;
  void TakeResults(const Running& running, Time now);
  void Take(const Reading& reading, Time now);
  void TakeProgramsXid(const Reading& reading, Time now);

  Catalogue catalogue_;
  Watch watch_;
  Emit emit_;
  std::vector<Running> groups_{};
  std::optional<Kmsg> log_{};
  std::optional<KernelListener> listener_{};
  bool log_is_device_ = false;
  std::uint64_t overrun_told_ = 0;
  Time began_{};
  std::uint64_t looks_ = 0;
  std::int64_t log_from_ = 0;  // microseconds since the boot: what is older is history
  std::int64_t log_told_ = 0;
  std::map<std::pair<std::string, std::string>, HostAlarm>
      standing_{};  // as they were raised: what a value is by now is no news
  // Xids that are the program's doing, by GPU: no alarm of this host, but the third job that the same GPU does it to makes one,
  // which only the launcher sees.
  struct Noted {
    HostAlarm alarm{};
    Time last{};
  };
  std::map<std::string, Noted> programs_{};
  AlarmOptions alarms_{};
  bool listens_ = false;  // to the log
};

// `everstep-agent monitor`: alarms as lines of JSON on stdout until it is killed or nobody reads them; the exit code. With
// --feed FILE, for an agent: a line with the whole HostHealth whenever that has changed, "checks " and the HostChecks after
// each look, and its memory in FILE.
int RunMonitorCommand(int argc, const char* const* argv);

}  // namespace everstep::health
