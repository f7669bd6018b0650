// How an agent is set up: agent.yaml (configs/agent.yaml has every key with its default) and the program's flags.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace everstep {

struct AgentOptions {
  std::string node{};  // this host's name in the cluster; empty: the host name up to its first dot, lower case
  std::string launcher = "127.0.0.1:7450";  // host:port
  std::string listen = "127.0.0.1:0";       // host:port where peers and the launcher reach this agent; port 0: any free one
  std::string advertise{};                  // host:port told to the others; empty: what `listen` became
  std::string job_address{};  // MASTER_ADDR when rank 0 runs here; empty: the address of the route to the launcher
  std::string rack{};         // rack or leaf switch by which this host is connected; empty: not known
  std::string state_dir{};    // created if missing
  std::string log_dir{};      // of the ranks; empty: <state_dir>/logs
  std::string keeper{};       // path of everstep-keeper; empty: beside this program
  bool insecure = false;      // plain text on addresses that are not loopback: warns at every start
  std::string boot_id{};      // empty: the kernel's; the lab sets its own
  std::optional<std::uint32_t> accelerators{};   // nullopt: counted
  std::uint64_t log_bytes_max = 64u << 20;       // of one file of one rank; then it is rotated
  std::uint32_t log_files_max = 4;               // rotated files kept for each
  std::uint32_t log_gangs_max = 20;              // generations of logs kept on this host
  std::string kernel_log = "/dev/kmsg";          // where to look for why a rank was killed; empty: nowhere
  bool monitor = true;                           // everstep-agent monitor watches the host's health
  std::vector<std::string> monitor_arguments{};  // of it, as `everstep-agent scan --help` has them
  Duration checkpoint_scan_every = 500ms;
  std::string progress_table{};  // like configs/progress.yaml; empty: that file, as it was at build time
  friend bool operator==(const AgentOptions&, const AgentOptions&) = default;
};

}  // namespace everstep
