// The names and numbers of the domain as distinct types, so that a job cannot be passed for a host or a generation for an
// epoch.
//
// Text<Tag> holds a name, Number<Tag> a counter that only grows. Both are regular (compare, hash, print with Str()) and plain
// data: validity of a name is checked where it enters (see ValidName).
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace everstep {

template <class Tag>
struct Text {
  std::string value;

  Text() = default;
  explicit Text(std::string v) : value(std::move(v)) {}
  bool empty() const { return value.empty(); }
  const std::string& Str() const { return value; }
  friend auto operator<=>(const Text&, const Text&) = default;
  friend bool operator==(const Text&, const Text&) = default;
};

template <class Tag>
struct Number {
  std::uint64_t value = 0;

  constexpr Number() = default;
  constexpr explicit Number(std::uint64_t v) : value(v) {}
  constexpr Number Next() const { return Number(value + 1); }
  std::string Str() const { return std::to_string(value); }
  friend constexpr auto operator<=>(const Number&, const Number&) = default;
  friend constexpr bool operator==(const Number&, const Number&) = default;
};

using JobId = Text<struct JobIdTag>;                // "finetune-llama-3": the job's name and a number, made by the launcher
using NodeId = Text<struct NodeIdTag>;              // a host's name in the cluster; what operators type
using BootId = Text<struct BootIdTag>;              // changes with every boot of the host's kernel
using CheckpointId = Text<struct CheckpointIdTag>;  // unique within a job

using Epoch = Number<struct EpochTag>;              // of the launcher: grows with each start of a launcher on a store
using Generation = Number<struct GenerationTag>;    // of a job's gang: grows with each (re)start; the first is 1
using Incarnation = Number<struct IncarnationTag>;  // of an agent process: grows with each start of the agent on a host
using LogIndex = Number<struct LogIndexTag>;        // position of the last entry in the launcher's log; 0: empty
using Sequence = Number<struct SequenceTag>;        // of a beat or a report within one incarnation
using CommandId = Number<struct CommandIdTag>;      // of a command within one epoch
using SessionId = Number<struct SessionIdTag>;      // of one agent stream, counted by the launcher; never reused in an epoch

// One gang: the ranks of one generation of one job.
struct GangKey {
  JobId job;
  Generation generation;

  std::string Str() const { return job.value + "." + generation.Str(); }
  friend auto operator<=>(const GangKey&, const GangKey&) = default;
  friend bool operator==(const GangKey&, const GangKey&) = default;
};

// A name a person may give to a job or a host: [a-z0-9-]{1,63}, as in DNS labels, not starting or ending with '-'.
constexpr bool ValidName(std::string_view name) {
  if (name.empty() || name.size() > 63 || name.front() == '-' || name.back() == '-') return false;
  for (const char c : name)
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) return false;
  return true;
}

}  // namespace everstep

template <class Tag>
struct std::hash<everstep::Text<Tag>> {
  std::size_t operator()(const everstep::Text<Tag>& id) const noexcept { return std::hash<std::string>()(id.value); }
};
template <class Tag>
struct std::hash<everstep::Number<Tag>> {
  std::size_t operator()(const everstep::Number<Tag>& n) const noexcept { return std::hash<std::uint64_t>()(n.value); }
};
