// How a launcher is set up: launcher.yaml (configs/launcher.yaml has every key with its default) and the program's flags.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/time.h"
#include "launcher/core/blame_rules.h"
#include "launcher/core/world.h"

namespace everstep {

struct LauncherOptions {
  std::string cluster = "everstep";       // a name for people
  std::string listen = "127.0.0.1:7450";  // host:port for agents and the CLI; port 0: any free one (see address_file)
  std::string state_dir{};                // holds the log; created if missing; must be on a local file system
  std::string address_file{};             // where the launcher writes the address it listens on, once it serves; empty: nowhere
  bool insecure = false;                  // plain text on an address that is not loopback: warns at every start
  Duration beat_every = 500ms;            // of each agent, at least; max(beat_every, agents / 10,000 s)
  Duration suspect_after = 1500ms;        // of silence
  Duration lost_after = 5s;               // of silence, confirmed by peers that got no answer
  Duration fence_after = 4s;              // F: a host without an acknowledged beat for this long kills its gangs
  Duration agent_return = 5s;             // how long a host that answers "agent down" may take to start its agent again
  Duration return_grace = 10s;            // after a launcher start nobody is lost before this
  std::vector<std::string> fence_command{};  // fence hook: argv + node name; exit code 0: the host is off; empty: none
  Duration fence_deadline = 60s;             // for the hook
  HealthMode health_mode = HealthMode::act;  // about alarms of hosts
  std::uint32_t removals_percent = 10;       // of the hosts, that checks may take out of work within an hour; at least one
  Duration move_within = 15min;              // for a job on a host in quarantine, if it saves no checkpoint
  // Of jobs that leave it to the launcher.
  PreflightLevel preflight_level = PreflightLevel::off;
  Duration preflight_valid_for = 1h;
  PreflightUnknown preflight_unknown = PreflightUnknown::pass;
  // Hooks for a host in quarantine: argv + node name; exit code 0: done; empty: none.
  std::map<HealthAction, std::vector<std::string>> remedies{};
  Duration remedy_deadline = 10min;  // for each
  std::uint32_t port_first = 20000;  // MASTER_PORT is taken from [port_first, port_last]
  std::uint32_t port_last = 29999;
  Duration port_rest = 10min;           // a port is not used again for this long
  bool clear_halt = false;              // decide again on a log that says "halted"; a flag only
  std::string blame_file{};             // rules of the operator's own (configs/blame.yaml); empty: those that are compiled in
  BlameRules blame{};                   // read from there
  std::vector<health::Check> checks{};  // the catalogue, as the next; no keys of launcher.yaml
  health::XidTable xids{};
  Duration history = 24h * 90;     // events are kept for this long
  std::uint32_t jobs_max = 10000;  // that have not ended
  // Entries of the log, then a snapshot stands for them. No key of launcher.yaml.
  std::uint64_t compact_every = 20000;
  friend bool operator==(const LauncherOptions&, const LauncherOptions&) = default;
};

}  // namespace everstep
