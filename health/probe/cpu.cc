#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "base/text.h"
#include "health/probe/probes.h"

namespace everstep::health {

namespace {

constexpr std::string_view kCpus = "/sys/devices/system/cpu";

// "0-3,8" is five.
std::optional<double> CountOf(std::string_view list) {
  double count = 0;
  for (const std::string& part : Split(list, ',')) {
    const std::size_t dash = part.find('-');
    const auto first = ParseUnsigned(part.substr(0, dash));
    const auto last = dash == std::string::npos ? first : ParseUnsigned(part.substr(dash + 1));
    if (!first || !last || *last < *first) return std::nullopt;
    count += static_cast<double>(*last - *first + 1);
  }
  return count;
}

std::vector<std::string> CpuFolders(const Root& root) {
  std::vector<std::string> folders;
  const auto names = root.List(kCpus);
  if (!names) return folders;
  for (const std::string& name : *names)
    if (name.starts_with("cpu") && ParseUnsigned(std::string_view(name).substr(3))) folders.push_back(Cat(kCpus, '/', name));
  return folders;
}

// What this process may use: a recorded tree has it as a number.
Result<double> Allowed(const Root& root) {
  if (!root.live()) return root.Number("/captured/cpus_allowed");
  constexpr int kCpusMax = 8192;
  cpu_set_t* set = CPU_ALLOC(kCpusMax);
  const std::size_t size = CPU_ALLOC_SIZE(kCpusMax);
  const int failed = sched_getaffinity(0, size, set);
  const int error = errno, count = failed ? 0 : CPU_COUNT_S(size, set);
  CPU_FREE(set);
  if (failed) return FailErrno(error, "ask for", "the CPU mask");
  return count;
}

void Governor(const Root& root, const std::vector<std::string>& folders, Sink& sink) {
  std::optional<std::string> odd;
  std::string where;
  std::optional<double> slowest;
  std::string slow_file;
  for (const std::string& folder : folders) {
    const std::string path = folder + "/cpufreq/scaling_governor", frequency = folder + "/cpufreq/scaling_cur_freq";
    if (const auto governor = root.Read(path); governor && (!odd || *odd == "performance")) {
      odd = *governor;
      where = path;
    }
    if (const auto khz = root.Number(frequency); khz && (!slowest || *khz < *slowest)) {
      slowest = *khz;
      slow_file = frequency;
    }
  }
  if (odd) {
    sink.Word("cpu.governor", "", *odd, Cat(where, ": ", *odd));
  } else {
    sink.Absent("cpu.governor", "there is no cpufreq: a virtual machine's clock is its host's business");
  }
  if (slowest) {
    sink.Number("cpu.frequency", "", *slowest / 1000, Cat(slow_file, ": ", ShowNumber(*slowest, Unit::count)));
  } else {
    sink.Absent("cpu.frequency", "there is no cpufreq");
  }
}

void Throttle(const Root& root, const std::vector<std::string>& folders, Sink& sink) {
  double sum = 0;
  bool any = false;
  for (const std::string& folder : folders)
    for (const char* which : {"core", "package"})
      if (const auto count = root.Number(Cat(folder, "/thermal_throttle/", which, "_throttle_count"))) {
        sum += *count;
        any = true;
      }
  if (!any) return sink.Absent("cpu.throttle", "the CPUs have no thermal_throttle counters");
  sink.Number("cpu.throttle", "", sum, Cat(kCpus, "/cpu*/thermal_throttle/*_throttle_count: ", ShowNumber(sum, Unit::count)));
}

// "0-3" behind "Cpus_allowed_list:\t".
std::optional<std::string> MaskIn(std::string_view status) {
  constexpr std::string_view kField = "Cpus_allowed_list:\t";
  for (const std::string& line : Split(status, '\n'))
    if (line.starts_with(kField)) return line.substr(kField.size());
  return std::nullopt;
}

}  // namespace

void ProbeCpuMaskOf(const Root& root, const std::string& pid, Sink& sink) {
  const std::string scope = Cat("pid ", pid), path = Cat("/proc/", pid, "/status");
  const auto online = root.Read(Cat(kCpus, "/online"));
  const auto all = online ? CountOf(*online) : std::nullopt;
  if (!all || *all <= 0) return sink.Unread("cpu.allowed", scope, "how many CPUs are online is not known");
  const auto status = root.Read(path);
  if (!status) return sink.Unread("cpu.allowed", scope, status.error().message);
  const auto list = MaskIn(*status);
  const auto allowed = list ? CountOf(*list) : std::nullopt;
  if (!allowed) return sink.Unread("cpu.allowed", scope, Cat(path, " has no Cpus_allowed_list"));
  sink.Number("cpu.allowed", scope, std::min(100.0, *allowed / *all * 100),
              Cat(path, ": Cpus_allowed_list ", Clip(Printable(*list), 100), " of ", *online));
}

void ProbeCpu(const Root& root, Sink& sink) {
  const std::string path = Cat(kCpus, "/online");
  const auto text = root.Read(path);
  const auto online = text ? CountOf(*text) : std::nullopt;
  if (online) {
    sink.Number("cpu.online", "", *online, Cat(path, ": ", *text));
  } else {
    sink.Unread("cpu.online", "",
                text ? Cat(path, " has \"", Printable(*text), "\", which is no list of CPUs") : text.error().message);
  }
  const auto allowed = Allowed(root);
  if (allowed && online && *online > 0) {
    sink.Number("cpu.allowed", "", std::min(100.0, *allowed / *online * 100),
                Cat("sched_getaffinity(): ", ShowNumber(*allowed, Unit::count), " of ", ShowNumber(*online, Unit::count)));
  } else {
    sink.Unread("cpu.allowed", "", allowed ? "how many CPUs are online is not known" : allowed.error().message);
  }
  const std::vector<std::string> folders = CpuFolders(root);
  Governor(root, folders, sink);
  Throttle(root, folders, sink);
}

}  // namespace everstep::health
