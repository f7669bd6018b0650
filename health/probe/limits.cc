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

// The folders of a process's cgroup and those above it, cgroup v2: "0::/system.slice/everstep-agent.service". One that is
// outside of this process's own namespace of cgroups begins with "/..", and is seen nowhere.
Result<std::vector<std::string>> CgroupFolders(const Root& root, const std::string& process) {
  std::vector<std::string> folders;
  const std::string file = Cat(process, "/cgroup");
  EVERSTEP_ASSIGN(const std::string text, root.Read(file));
  for (const std::string& line : Split(text, '\n')) {
    if (!line.starts_with("0::/")) continue;
    if (line.starts_with("0::/.."))
      return Fail(ErrorCode::kUnavailable, Cat(file, " has ", Printable(line), ": that cgroup is not seen from this one"));
    for (std::string path = line.substr(3); path.size() > 1; path = path.substr(0, path.rfind('/')))
      folders.push_back(Cat("/sys/fs/cgroup", path));
  }
  return folders;
}

// The lowest of a file that says a number or "max", over the cgroups. nullopt: none limits it.
std::optional<double> Lowest(const Root& root, const Result<std::vector<std::string>>& folders, std::string_view file) {
  std::optional<double> lowest;
  for (const std::string& folder : folders.value_or(std::vector<std::string>()))
    if (const auto number = root.Number(Cat(folder, '/', file)); number && (!lowest || *number < *lowest)) lowest = *number;
  return lowest;
}

// Whose limits they are: of this process, or of one that runs.
struct Whose {
  std::string folder{};  // "/proc/4711"
  std::string scope{};   // "pid 4711"; empty: this process, as what it starts has the same
  std::string name{};    // in front of evidence; empty: this process
};

void Memory(const Root& root, const Whose& whose, const Result<std::vector<std::string>>& folders, Sink& sink) {
  if (!folders && !whose.scope.empty()) return sink.Unread("limits.memory", whose.scope, folders.error().message);
  if (!folders || folders->empty())
    return sink.Absent("limits.memory", "this process is in no cgroup of version 2 below the root");
  const auto lowest = Lowest(root, folders, "memory.max");
  const auto meminfo = root.Read("/proc/meminfo");
  const std::size_t at = meminfo ? meminfo->find("MemTotal:") : std::string::npos;
  if (at == std::string::npos) return sink.Unread("limits.memory", whose.scope, "how much memory there is is not known");
  const std::string_view rest = Trim(std::string_view(*meminfo).substr(at + 9));
  const auto total = ParseUnsigned(rest.substr(0, rest.find(' ')));
  if (!total || *total == 0) return sink.Unread("limits.memory", whose.scope, "/proc/meminfo has no MemTotal");
  const double share = lowest ? std::min(100.0, *lowest / (static_cast<double>(*total) * 1024) * 100) : 100;
  sink.Number("limits.memory", whose.scope, share,
              Cat(whose.name, "memory.max of the cgroups: ", lowest ? ShowNumber(*lowest, Unit::bytes) : std::string("max")));
}

void Processes(const Root& root, const Whose& whose, const Result<std::string>& limits,
               const Result<std::vector<std::string>>& folders, Sink& sink) {
  const std::string file = Cat(whose.folder, "/limits");
  const auto processes = limits ? Soft(*limits, "Max processes") : std::nullopt;
  if (!processes)
    return sink.Unread("limits.processes", whose.scope, limits ? Cat(file, " has no Max processes") : limits.error().message);
  if (!folders && !whose.scope.empty()) return sink.Unread("limits.processes", whose.scope, folders.error().message);
  const auto pids = Lowest(root, folders, "pids.max");
  sink.Number("limits.processes", whose.scope, std::min(*processes, pids.value_or(kUnlimited)),
              Cat(whose.name, file, ": Max processes ", ShowNumber(*processes, Unit::count), ", pids.max ",
                  pids ? ShowNumber(*pids, Unit::count) : std::string("max")));
}

void Limits(const Root& root, const Whose& whose, const std::string& shm, Sink& sink) {
  const std::string file = Cat(whose.folder, "/limits");
  const auto limits = root.Read(file);
  const auto of = [&](const char* check, std::string_view name, Unit unit) {
    const auto soft = limits ? Soft(*limits, name) : std::nullopt;
    if (soft) return sink.Number(check, whose.scope, *soft, Cat(whose.name, file, ": ", name, " ", ShowNumber(*soft, unit)));
    sink.Unread(check, whose.scope, limits ? Cat(file, " has no ", name) : limits.error().message);
  };
  const auto infiniband = root.List("/sys/class/infiniband");
  if (infiniband && !infiniband->empty()) {
    of("limits.memlock", "Max locked memory", Unit::bytes);
  } else {
    sink.Absent("limits.memlock", "there is no RDMA device that memory is registered with");
  }
  of("limits.nofile", "Max open files", Unit::count);
  const auto folders = CgroupFolders(root, whose.folder);
  Processes(root, whose, limits, folders, sink);
  Memory(root, whose, folders, sink);
  sink.Waiting(Cat("statvfs(", shm, ')'));
  const auto space = SpaceOf(root, shm);
  if (!space) return sink.Unread("limits.shm", whose.scope, space.error().message);
  sink.Number("limits.shm", whose.scope, space->total,
              Cat(whose.name, "statvfs(", shm, "): ", ShowNumber(space->total, Unit::bytes)));
}

}  // namespace

void ProbeLimits(const Root& root, Sink& sink) { Limits(root, {.folder = "/proc/self"}, "/dev/shm", sink); }

void ProbeLimitsOf(const Root& root, const std::string& pid, Sink& sink) {
  const std::string folder = Cat("/proc/", pid), scope = Cat("pid ", pid);
  const auto name = root.Read(Cat(folder, "/comm"));
  if (!name) {
    const bool gone = name.error().code == ErrorCode::kNotFound;
    for (const char* check :
         {"cpu.allowed", "limits.memlock", "limits.nofile", "limits.processes", "limits.memory", "limits.shm"})
      sink.Unread(check, scope, gone ? Cat("there is no process ", pid) : name.error().message);
    return;
  }
  ProbeCpuMaskOf(root, pid, sink);
  Limits(root, {.folder = folder, .scope = scope, .name = Cat(Clip(Printable(*name), 30), ": ")}, Cat(folder, "/root/dev/shm"),
         sink);
}

}  // namespace everstep::health
