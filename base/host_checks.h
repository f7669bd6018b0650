// Every check of a host as its monitor has it now, good ones included: asked for by a person (`everstep node`), answered by the
// host's agent, kept by nobody on the way. Alarms, which are acted on, are base/host_health.h.
//
// No points in time, only how long ago: the clocks of two hosts have nothing in common.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fields.h"
#include "base/ids.h"
#include "base/time.h"

namespace everstep {

EVERSTEP_ENUM(CheckState, ok, warn, fail, unknown)

// It came into this state so long ago.
struct CheckChange {
  CheckState state = CheckState::ok;
  Duration ago{};
  friend bool operator==(const CheckChange&, const CheckChange&) = default;
};
EVERSTEP_FIELDS(CheckChange, state, ago)

// It was first read so long ago, and every time since until the next one.
struct CheckValue {
  std::string value{};  // with its unit
  Duration ago{};
  friend bool operator==(const CheckValue&, const CheckValue&) = default;
};
EVERSTEP_FIELDS(CheckValue, value, ago)

struct HostCheck {
  std::string check{};  // of the catalogue
  std::string scope{};  // "GPU 3"; empty: the host
  CheckState state = CheckState::ok;
  std::string value{};  // with its unit; empty: there is none
  std::string limit{};  // what is bad, in the words of `everstep check --list`; empty: nothing is, or nothing is known of it
  std::string why{};    // one sentence; empty where it is good and value and limit say it all
  std::string evidence{};
  std::optional<Duration> age{};      // since it was read; nullopt: it is not read but heard of when it happens
  Duration in_state{};                // since it came into `state`
  std::uint32_t changes = 0;          // of state, since the monitor began
  std::vector<CheckChange> states{};  // oldest first; the newest few
  std::vector<CheckValue> values{};   // that differ from the one before, oldest first; the newest few
  friend bool operator==(const HostCheck&, const HostCheck&) = default;
};
EVERSTEP_FIELDS(HostCheck, check, scope, state, value, limit, why, evidence, age, in_state, changes, states, values)

struct HostChecks {
  NodeId node{};                    // who says so
  std::string untold{};             // why there are none; empty: there are
  Duration age{};                   // since the monitor said so
  Duration watched_for{};           // how far back changes and values can go
  std::vector<HostCheck> checks{};  // FAIL, WARN, UNKNOWN, OK; then by name
  std::uint32_t left_out = 0;       // OK ones last in the list, beyond the limit on bytes
  friend bool operator==(const HostChecks&, const HostChecks&) = default;
};
EVERSTEP_FIELDS(HostChecks, node, untold, age, watched_for, checks, left_out)

// A question for an agent.
struct ReadChecks {
  std::uint32_t bytes_max = 0;  // of the answer; at most limit::kChecksBytes are given
};
EVERSTEP_FIELDS(ReadChecks, bytes_max)

// Before the HostChecks in a line of the monitor's; its other lines are a HostHealth.
inline constexpr const char* kChecksWord = "checks ";

namespace limit {
inline constexpr std::size_t kChecksBytes = 512u << 10;  // about 2,000 checks that are quiet
}

// Leaves out what is too much, from the end of the list. Cost: O(checks).
void KeepWithin(HostChecks& checks, std::size_t bytes_max);

// As of so much later.
void GrowOlder(HostChecks& checks, Duration by);

// What another than the host knows of it, at its place in the order. Cost: O(checks log checks).
void Merge(HostChecks& checks, const std::vector<HostCheck>& known);
// FAIL, WARN, UNKNOWN, OK; those alike stay as they are.
void SortByGravity(std::vector<HostCheck>& checks);

}  // namespace everstep
