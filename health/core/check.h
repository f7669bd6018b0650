// A check as data: what is read of a host, in which unit, which value is bad, and what to do then. Rows come from
// configs/checks.yaml (health/catalogue), readings from health/probe; verdict.h holds one against the other.
//
// Numbers are doubles in the unit's base: bytes, seconds, per cent, °C. What has no limit (memlock) is kUnlimited.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fields.h"
#include "base/host_checks.h"
#include "base/host_health.h"
#include "base/time.h"

namespace everstep::health {

using State = CheckState;

// Of the value: `word` is text that is compared as it is.
EVERSTEP_ENUM(Unit, count, bytes, seconds, percent, celsius, megahertz, gbps, word)

inline constexpr double kUnlimited = 9.0e18;

using Action = HealthAction;

// What a host may be without. Where a profile promises it, its absence is a finding; else its checks do not apply.
EVERSTEP_ENUM(Facility, always, cpufreq, throttle, edac, numa, nvidia, nvlink, nvswitch, neuron, rdma, efa, infiniband, nvme,
              raid, cgroup, dmi, aer, pcie, netdev, mlx5)

// Who can read it: one look at a host; one that is made where somebody asks for it; an agent that stays; a test between hosts.
EVERSTEP_ENUM(Reader, scan, asked, agent, fabric)

EVERSTEP_ENUM(Comparison, below, above, is, is_not)

// "< 16GiB", "> 85", "!= tsc", "== down | polling", "!= profile cpus", "< 93% of profile memory" (rule.h).
struct Rule {
  Comparison comparison = Comparison::above;
  double number = 0;
  std::vector<std::string> words{};  // unit word: any of them
  std::string profile_key{};         // not empty: against what the profile says, times `share`
  double share = 1;
  friend bool operator==(const Rule&, const Rule&) = default;
};

struct Check {
  std::string id{};
  std::string what{};   // "memory that a process may lock"
  std::string reads{};  // files, calls or log lines
  Unit unit = Unit::count;
  std::optional<Rule> warn{};
  std::optional<Rule> fail{};
  // A counter: what it has grown by in this time counts. A check of kernel lines: how far back a line counts. Zero: the value
  // itself; lines since the boot.
  Duration window{};
  bool same = false;          // must be the same on all hosts of one profile (fleet.h)
  std::uint32_t strikes = 1;  // looks in a row that must be bad before anything is done
  Facility needs = Facility::always;
  Reader by = Reader::scan;
  Action action = Action::note;  // when it fails
  bool action_is_value = false;  // the value itself names the action: of Xids, of what the driver asks for
  State on_timeout = State::unknown;
  std::vector<std::string> lines{};     // of the kernel's log: regular expressions, any of which counts
  std::vector<std::string> unless{};    // look-alikes that must not count
  std::vector<std::string> programs{};  // of kDaemons: whose processes are counted by it and not by gpu.processes
  std::vector<std::string> notes{};     // of kIgnoredLines, one for each of `lines`: why a site calls it harmless
  std::string remedy{};
  std::string why{};
  std::string source{};
  friend bool operator==(const Check&, const Check&) = default;
};

// The check whose `lines` take lines of the kernel's log away from all others. It counts them, so that none goes silently.
inline constexpr std::string_view kIgnoredLines = "kernel.ignored";

// The check of daemons of the system that compute on GPUs: told, and nobody's fault.
inline constexpr std::string_view kDaemons = "gpu.daemons";

// Of which a host on which no job runs must have none; beside a job they are no finding.
inline constexpr std::array<std::string_view, 2> kNoneBeforeAJob{"gpu.processes", "process.leftover"};

// Heard of when it happens, not read at each look: kernel lines, Xids and SXids.
bool OfKernelLog(const Check& check);

// One value that was read, or why there is none: one of the five is set. Only `absent` may come with a number, none of them:
// what the host is without can still be counted.
struct Reading {
  std::string check{};
  std::string scope{};  // "GPU 3", "mlx5_0 port 1"; empty: the host
  std::optional<double> number{};
  std::optional<std::string> word{};
  std::optional<std::string> unread{};  // it is there and cannot be read: why
  std::optional<std::string> absent{};  // this host has no such thing: how that was seen
  std::optional<std::string> moot{};    // it has one that cannot tell this, and need not: an old model, a virtual function
  std::string means{};                  // where the word alone says little: "Xid 79: GPU has fallen off the bus"; may be empty
  std::string evidence{};               // "/proc/meminfo: MemTotal: 2113456 kB"
};
EVERSTEP_FIELDS(Reading, check, scope, number, word, unread, absent, moot, means, evidence)

// What a host of this kind has. A key that is not there says nothing.
struct Profile {
  std::string name{};      // "p5"
  std::string instance{};  // "p5.48xlarge"; empty: no size in particular
  std::string about{};
  std::optional<double> cpus{}, memory{}, accelerators{}, efa{}, infiniband{}, nvme{}, nvlinks{}, port_gbps{}, pair_gbps{};
  std::string accelerator{};    // in the model's name: "H100"
  std::vector<Facility> has{};  // promised beyond what the numbers promise
  struct Limit {
    std::string check{};
    std::optional<Rule> warn{}, fail{};
  };
  std::vector<Limit> limits{};     // instead of the catalogue's
  std::vector<std::string> off{};  // checks that are not made

  // Of a key of a rule. nullopt: the profile does not say, or it is no number.
  std::optional<double> Number(std::string_view key) const;
  bool Promises(Facility facility) const;
};

// The keys that rules may name.
const std::vector<std::string>& ProfileKeys();

// "8", "1.9 TiB", "97 °C", "unlimited".
std::string ShowNumber(double number, Unit unit);

}  // namespace everstep::health
