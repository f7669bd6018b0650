#include "health/probe/gpu_processes.h"

#include <algorithm>

#include "base/text.h"

namespace everstep::health {

namespace {

constexpr std::size_t kCommBytes = 15;  // so much of a name the kernel keeps
constexpr std::size_t kNamed = 5;

std::string Named(std::uint64_t pid, const std::string& name) {
  return Cat(name.empty() ? std::string("a process that is not seen from here") : name,
             pid == 0 ? std::string() : Cat(" (pid ", pid, ')'));
}

std::string FileName(std::string path) {
  constexpr std::string_view kGone = " (deleted)";
  if (path.ends_with(kGone)) path.resize(path.size() - kGone.size());
  path.erase(0, path.rfind('/') + 1);
  return Clip(Printable(path), 60);
}

// Where a system's programs lie, or a bare name, of which nothing is known.
bool MayBeOfSystem(const std::string& path) {
  return path.find('/') == std::string::npos || path.starts_with("/usr/") || path.starts_with("/opt/");
}

}  // namespace

// A job may call itself what it likes: the link to its program wins where it can be read, and a daemon's name elsewhere than
// where a system has it is nobody's.
std::string GpuProcesses::NameOf(const GpuProcess& process) const {
  const auto named = [&](const std::string& path) {
    const std::string name = FileName(path);
    return IsDaemon(name) && !MayBeOfSystem(path) ? Clip(Printable(path), 60) : name;
  };
  const std::string folder = Cat("/proc/", process.pid);
  if (const auto program = root_.LinkName(Cat(folder, "/exe"))) return named(*program);
  if (!process.path.empty()) return named(process.path);
  return FileName(root_.Read(Cat(folder, "/comm")).value_or(std::string()));
}

bool GpuProcesses::IsDaemon(const std::string& name) const {
  return std::any_of(daemons_.begin(), daemons_.end(), [&](const std::string& daemon) {
    return name == daemon || (name.size() == kCommBytes && name == daemon.substr(0, kCommBytes));
  });
}

void GpuProcesses::Tell(const std::string& scope, const std::vector<GpuProcess>& processes, std::string_view told_by,
                        Sink& sink) {
  std::vector<std::string> of_jobs;
  std::size_t daemons = 0;
  for (const GpuProcess& process : processes) {
    const std::string name = NameOf(process);
    if (IsDaemon(name)) {
      ++daemons;
      running_[process.pid] = name;
    } else {
      of_jobs.push_back(Named(process.pid, name));
    }
  }
  told_ = true;
  const std::size_t count = of_jobs.size(), more = count - std::min(count, kNamed);
  of_jobs.resize(count - more);
  const std::string which = of_jobs.empty() ? "" : Cat(": ", Join(of_jobs), more > 0 ? Cat(" and ", more, " more") : "");
  sink.Number("gpu.processes", scope, static_cast<double>(count),
              Cat(told_by, ": ", count, which, daemons > 0 ? Cat("; daemons of the system beside them: ", daemons) : ""));
}

void GpuProcesses::TellDaemons(Sink& sink) const {
  if (!told_) return sink.Moot("gpu.daemons", "", "nobody tells which processes compute on the GPUs");
  std::vector<std::string> names;
  for (const auto& [pid, name] : running_) names.push_back(Named(pid, name));
  sink.Number("gpu.daemons", "", static_cast<double>(running_.size()),
              names.empty() ? "none computes on a GPU" : Clip(Cat(Join(names), ": not counted by gpu.processes"), 300));
}

}  // namespace everstep::health
