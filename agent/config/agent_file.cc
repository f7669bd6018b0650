#include "agent/config/agent_file.h"

#include "base/messages.h"

namespace everstep {

namespace {

using yaml::DurationBetween;
using yaml::Group;
using yaml::HostPort;
using yaml::Integer;
using yaml::Key;
using yaml::OrEmpty;
using yaml::Path;

using Options = AgentOptions;

yaml::Table<Options> LogsTable() {
  return {{
      Key("dir", &Options::log_dir, OrEmpty(Path()), "where they are kept; empty: logs in state_dir"),
      Key("bytes_max", &Options::log_bytes_max, yaml::SizeBetween(64u << 10, 1ull << 40), "of one file; then it is rotated"),
      Key("files_max", &Options::log_files_max, Integer<std::uint32_t>(1, 1000), "rotated files kept for each rank and stream"),
      Key("gangs_max", &Options::log_gangs_max, Integer<std::uint32_t>(1, 10000), "starts of jobs whose logs are kept"),
  }};
}

yaml::Table<Options> MakeTable() {
  return {{
      Key("node", &Options::node, OrEmpty(yaml::Name()),
          "this host's name in the cluster; empty: the host name up to its first dot"),
      Key("launcher", &Options::launcher, HostPort(), "address of everstep-launcher"),
      Key("listen", &Options::listen, HostPort(),
          "address where the launcher and other agents reach this one; port 0: any free one"),
      Key("advertise", &Options::advertise, OrEmpty(HostPort()), "address told to the others; empty: what `listen` became"),
      Key("job_address", &Options::job_address, OrEmpty(yaml::Text()),
          "MASTER_ADDR of jobs whose rank 0 runs here; empty: the address of the route to the launcher"),
      Key("rack", &Options::rack, OrEmpty(yaml::Name()),
          "rack or leaf switch of this host; ranks see it as EVERSTEP_RACK, and checks of the network tell switches from hosts "
          "by it"),
      Key("state_dir", &Options::state_dir, OrEmpty(Path()),
          "what outlives a restart; created if missing; empty: everstep/agent in XDG_STATE_HOME"),
      Key("keeper", &Options::keeper, OrEmpty(Path()), "the program everstep-keeper; empty: beside everstep-agent"),
      Key("insecure", &Options::insecure, yaml::Bool(), "plain text on addresses that are not loopback; warns at every start"),
      Key("accelerators", &Options::accelerators, yaml::AutoOr(Integer<std::uint32_t>(0, limit::kRanksPerHost)),
          "GPUs of this host; auto: as many as /dev/nvidiaN"),
      Group("logs", LogsTable(), "what ranks write to stdout and stderr"),
      Key("kernel_log", &Options::kernel_log, OrEmpty(Path()),
          "where the kernel says why it killed a rank, and what failed on this host; empty: nobody looks"),
      Key("monitor", &Options::monitor, yaml::Bool(), "whether everstep-agent monitor watches the health of this host"),
      Key("monitor_arguments", &Options::monitor_arguments,
          yaml::ListOf(yaml::Text(), 64, "[--profile, p5, --data, /mnt/data]"),
          "of it, as everstep-agent scan --help has them"),
      Key("checkpoint_scan_every", &Options::checkpoint_scan_every, DurationBetween(50ms, 10min),
          "how often a job's checkpoint directory is looked at"),
      Key("progress_table", &Options::progress_table, OrEmpty(Path()),
          "what trainers' log lines tell of their progress, as in progress.yaml; empty: that file as it was built in"),
  }};
}

}  // namespace

const yaml::Table<AgentOptions>& AgentFileTable() {
  static const yaml::Table<AgentOptions> table = MakeTable();
  return table;
}

std::string WriteAgentFile(const AgentOptions& options) {
  return yaml::PrintWithDocs(kAgentFileTitle, yaml::EntriesOf(AgentFileTable(), options));
}

}  // namespace everstep
