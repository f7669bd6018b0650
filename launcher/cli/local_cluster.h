// The cluster of `everstep up`: one directory, one supervisor, a launcher and some agents on this machine's loopback. The
// record cluster.json says exactly which processes they are, so that `everstep down` ends those and no others.
//
//   DIR/cluster.json    LocalCluster
//   DIR/address         the launcher's, once it serves
//   DIR/launcher.yaml, launcher.log, launcher/     and for each node: n1.log, n1/
//   DIR/supervisor.log
//   DIR.lock            held by the supervisor as long as it lives
//   DIR.previous        the cluster before this one, with its logs
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fields.h"
#include "base/real/fd.h"
#include "base/result.h"
#include "base/yaml/settings.h"

namespace everstep {

// A pid is only a name until its start time agrees.
struct ProcessRecord {
  std::string name{};  // "launcher", "n1", "supervisor"
  std::int64_t pid = 0;
  std::uint64_t started = 0;  // clock ticks since boot
};
EVERSTEP_FIELDS(ProcessRecord, name, pid, started)

struct LocalCluster {
  std::string boot{};  // of the kernel under which the processes were started
  std::uint32_t nodes = 0;
  ProcessRecord supervisor{};
  std::vector<ProcessRecord> daemons{};
};
EVERSTEP_FIELDS(LocalCluster, boot, nodes, supervisor, daemons)

// Where it lives unless told otherwise: <state home>/local.
Result<std::string> LocalDirectory(const yaml::Environment& environment);

// kNotFound: no cluster was ever started there, or it was ended.
Result<LocalCluster> ReadLocalCluster(const std::string& directory);
Status WriteLocalCluster(const std::string& directory, const LocalCluster& cluster);
Status RemoveLocalCluster(const std::string& directory);

// This process, for the record. nullopt: there is none of this pid.
std::optional<ProcessRecord> RecordOf(std::string name, std::int64_t pid);
// A descriptor of exactly this process (readable once it has ended), or nullopt: it is gone.
std::optional<Fd> OpenProcess(const LocalCluster& cluster, const ProcessRecord& process);
// Of all processes on record, the ones that live.
std::vector<ProcessRecord> Living(const LocalCluster& cluster);

// host:port of the launcher of a cluster that lives.
std::optional<std::string> LocalAddress(const std::string& directory);

// The last lines of a log file, for an error: empty when there is none.
std::string LogTail(const std::string& path, std::size_t lines);
// Why the daemon that wrote this log has ended: its last "everstep-…: REASON", without its name; else the last line. One line.
std::string LastError(const std::string& path);

}  // namespace everstep
