#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "base/text.h"
#include "health/probe/file_system.h"
#include "health/probe/probes.h"

namespace everstep::health {

namespace {

// The soft limit of a line of /proc/self/limits: "Max locked memory         8388608              8388608              bytes".
std::optional<double> Soft(std::string_view limits, std::string_view name) {
  for (const std::string& line : Split(limits, '\n')) {
    if (!line.starts_with(name)) continue;
    const std::string_view rest = Trim(std::string_view(line).substr(name.size()));
    const std::string_view word = rest.substr(0, rest.find(' '));
    if (word == "unlimited") return kUnlimited;
    if (const auto number = ParseUnsigned(word)) return static_cast<double>(*number);
  }
  return std::nullopt;
}

// The folders of this process's cgroup and those above it, cgroup v2: "0::/system.slice/everstep-agent.service".
std::vector<std::string> CgroupFolders(const Root& root) {
  std::vector<std::string> folders;
  const auto text = root.Read("/proc/self/cgroup");
  if (!text) return folders;
  for (const std::string& line : Split(*text, '\n')) {
    if (!line.starts_with("0::/")) continue;
    for (std::string path = line.substr(3); path.size() > 1; path = path.substr(0, path.rfind('/')))
      folders.push_back(Cat("/sys/fs/cgroup", path));
  }
  return folders;
}

// The lowest of a file that says a number or "max", over the cgroups. nullopt: none limits it.
std::optional<double> Lowest(const Root& root, const std::vector<std::string>& folders, std::string_view file) {
  std::optional<double> lowest;
  for (const std::string& folder : folders)
    if (const auto number = root.Number(Cat(folder, '/', file)); number && (!lowest || *number < *lowest)) lowest = *number;
  return lowest;
}

void Memory(const Root& root, const std::vector<std::string>& folders, Sink& sink) {
  if (folders.empty()) return sink.Absent("limits.memory", "this process is in no cgroup of version 2 below the root");
  const auto lowest = Lowest(root, folders, "memory.max");
  const auto meminfo = root.Read("/proc/meminfo");
  const std::size_t at = meminfo ? meminfo->find("MemTotal:") : std::string::npos;
  if (at == std::string::npos) return sink.Unread("limits.memory", "", "how much memory there is is not known");
  const std::string_view rest = Trim(std::string_view(*meminfo).substr(at + 9));
  const auto total = ParseUnsigned(rest.substr(0, rest.find(' ')));
  if (!total || *total == 0) return sink.Unread("limits.memory", "", "/proc/meminfo has no MemTotal");
  const double share = lowest ? std::min(100.0, *lowest / (static_cast<double>(*total) * 1024) * 100) : 100;
  sink.Number("limits.memory", "", share,
              Cat("memory.max of the cgroups: ", lowest ? ShowNumber(*lowest, Unit::bytes) : std::string("max")));
}

}  // namespace

void ProbeLimits(const Root& root, Sink& sink) {
  constexpr std::string_view kFile = "/proc/self/limits";
  const auto limits = root.Read(kFile);
  const auto of = [&](const char* check, std::string_view name, Unit unit) {
    const auto soft = limits ? Soft(*limits, name) : std::nullopt;
    if (soft) return sink.Number(check, "", *soft, Cat(kFile, ": ", name, " ", ShowNumber(*soft, unit)));
    sink.Unread(check, "", limits ? Cat(kFile, " has no ", name) : limits.error().message);
  };
  const auto infiniband = root.List("/sys/class/infiniband");
  if (infiniband && !infiniband->empty()) {
    of("limits.memlock", "Max locked memory", Unit::bytes);
  } else {
    sink.Absent("limits.memlock", "there is no RDMA device that memory is registered with");
  }
  of("limits.nofile", "Max open files", Unit::count);
  const std::vector<std::string> folders = CgroupFolders(root);
  const auto processes = limits ? Soft(*limits, "Max processes") : std::nullopt;
  const auto pids = Lowest(root, folders, "pids.max");
  if (processes) {
    const double both = std::min(*processes, pids.value_or(kUnlimited));
    sink.Number("limits.processes", "", both,
                Cat(kFile, ": Max processes ", ShowNumber(*processes, Unit::count), ", pids.max ",
                    pids ? ShowNumber(*pids, Unit::count) : std::string("max")));
  } else {
    sink.Unread("limits.processes", "", limits ? Cat(kFile, " has no Max processes") : limits.error().message);
  }
  Memory(root, folders, sink);
  sink.Waiting("statvfs(/dev/shm)");
  const auto shm = SpaceOf(root, "/dev/shm");
  if (!shm) return sink.Unread("limits.shm", "", shm.error().message);
  sink.Number("limits.shm", "", shm->total, Cat("statvfs(/dev/shm): ", ShowNumber(shm->total, Unit::bytes)));
}

}  // namespace everstep::health
