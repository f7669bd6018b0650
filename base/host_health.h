// What a host's own monitor says of it (health/scan/monitor.h): part of the agent's report, with strikes, grace and expiry
// behind it. What is done about it the launcher decides (launcher/core/host_health.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/fields.h"
#include "base/time.h"

namespace everstep {

// What a bad value asks for, weakest first.
//   note     somebody should know        drain    other hosts for its work, at the next checkpoint
//   app      it was the program          reset    of the device, with nothing on the host
//   defer    nothing new on this host    reboot   of the host; replace: of the hardware
EVERSTEP_ENUM(HealthAction, note, app, defer, drain, reset, reboot, replace)

// A bad value, from when it is worth acting on until it is over. Of one check and scope there is one.
struct HostAlarm {
  std::string check{};  // of the catalogue: "gpu.fell_off_bus"
  std::string scope{};  // "GPU 3"; empty: the host
  bool fail = false;    // else a warning
  HealthAction action = HealthAction::note;
  std::string why{};       // one sentence, with value and limit
  std::string evidence{};  // a line of a log, a file and what stands in it
  std::string remedy{};    // what a person does; may be empty
  Time since{};            // the host's boot clock
  friend bool operator==(const HostAlarm&, const HostAlarm&) = default;
};
EVERSTEP_FIELDS(HostAlarm, check, scope, fail, action, why, evidence, remedy, since)

// A GPU that is in the host, and stays the same one wherever it is moved to.
struct HostGpu {
  std::string scope{};  // what its alarms are called by here: "GPU at 0000:18:00"
  std::string uuid{};   // "GPU-5c8…"
  friend bool operator==(const HostGpu&, const HostGpu&) = default;
};
EVERSTEP_FIELDS(HostGpu, scope, uuid)

struct HostHealth {
  bool watched = false;      // the monitor runs, and has looked at everything once
  std::string unwatched{};   // why it does not; empty where nobody asked for it
  std::uint32_t judged = 0;  // values of the newest look at everything, UNKNOWN ones included
  std::uint32_t failing = 0;
  std::uint32_t warning = 0;
  std::uint32_t unknown = 0;
  std::vector<HostAlarm> alarms{};  // that stand; at most limit::kAlarmsPerHost, the gravest
  std::vector<HostGpu> gpus{};      // at most limit::kGpusPerHost; empty: none, or nobody can tell
  friend bool operator==(const HostHealth&, const HostHealth&) = default;
};
EVERSTEP_FIELDS(HostHealth, watched, unwatched, judged, failing, warning, unknown, alarms, gpus)

}  // namespace everstep
