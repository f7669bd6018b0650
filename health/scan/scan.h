// The host part of health in one go, without daemon or launcher: all probes, two looks where one proves nothing, and a verdict
// for every check of the catalogue that one host can answer. What no probe has read is UNKNOWN by the name of its check; checks
// that are made on demand are there where they were asked for.
//
// Counters and noisy checks are looked at twice, a moment apart: a counter's growth in between counts, and a noisy value must
// be bad both times.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "health/catalogue/catalogue.h"
#include "health/core/verdict.h"
#include "health/probe/dcgm_diag.h"
#include "health/probe/deep.h"
#include "health/probe/gpu_deep.h"
#include "health/probe/probes.h"
#include "health/scan/runner.h"

namespace everstep::health {

struct ScanPath {
  std::string path{};
  PathUse use = PathUse::plain;
};

struct ScanOptions {
  std::string root = "/";    // or a recorded tree
  std::string profile{};     // empty: found out
  std::string catalogue{};   // a directory; empty: as built in
  std::string kernel_log{};  // empty: the root's /dev/kmsg
  std::string nvml{};        // empty: as the loader finds it
  std::string cuda{};        // libcuda.so.1, likewise
  std::string nvidia_smi{};  // asked where NVML cannot be loaded; empty: not
  DcgmAsked dcgm{};          // `what` is empty: not
  std::string metadata{};    // IPv4 and port of EC2's instance metadata; empty: asked where DMI says EC2; "off": never
  std::vector<ScanPath> paths{{"/"}, {"/tmp"}};
  std::vector<std::string> pids{};  // whose limits count; empty: this process's own
  bool idle = false;                // no job runs here: what one has left behind is a finding
  Duration deadline = 3s;           // of each probe
  Duration between_looks = 1s;
  DeepAsked deep{};  // its time is zero: it is not made
};

// A check that does not apply here, and how that was seen.
struct NotHere {
  std::string check{};
  std::string reason{};
};

struct ScanReport {
  Profile profile{};
  std::string profile_why{};
  std::string kind{}, product{};    // as Chosen has them
  std::vector<Verdict> verdicts{};  // in the catalogue's order
  std::vector<NotHere> not_here{};
  std::set<std::string> takes_longer{};  // signs of life that come once a minute: no scan can miss one
  std::set<std::string> same{};          // checks whose value must be the same on all hosts of one profile
};

// kInvalid, kNotFound: the catalogue or the profile.
Result<ScanReport> Scan(const ScanOptions& options);

// The profile that this host has, by the flag or by what it says of itself.
Result<Chosen> ProfileOf(const ScanOptions& options, const Catalogue& catalogue);

// The profile of a host on which no job runs: what one has left behind is bad.
Chosen Idle(Chosen chosen);

// Its parts, for tests with probes of their own.
std::vector<Probe> HostProbes(const ScanOptions& options, const Catalogue& catalogue, const Profile& profile);
// What a broken probe's checks come to, for those that it had not told of: a check fails by the time-out itself where it says
// so.
std::vector<Reading> BrokenReadings(const Catalogue& catalogue, const Probe& probe, const ProbeResult& result);
struct ScanWorld {
  std::function<std::vector<ProbeResult>(const std::vector<Probe>&)> run = RunProbes;
  std::function<void()> let_time_pass{};  // between the looks
  std::function<Time()> now{};
};
ScanReport Judged(const Catalogue& catalogue, const Chosen& chosen, const std::vector<Probe>& probes, const ScanWorld& world);

}  // namespace everstep::health
