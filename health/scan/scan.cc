#include "health/scan/scan.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/real/clock.h"
#include "base/real/fd.h"
#include "base/text.h"
#include "health/core/counters.h"
#include "health/probe/instance_metadata.h"
#include "health/probe/probes.h"

namespace everstep::health {

namespace {

using Readings = std::map<std::string, std::map<std::string, Reading>>;  // by check, then scope

bool Begins(const std::string& id, std::initializer_list<std::string_view> with) {
  return std::any_of(with.begin(), with.end(), [&](std::string_view prefix) { return id.starts_with(prefix); });
}

std::vector<std::string> Ids(const Catalogue& catalogue, const std::function<bool(const Check&)>& is,
                             Reader by = Reader::scan) {
  std::vector<std::string> ids;
  for (const Check& check : catalogue.checks)
    if (check.by == by && is(check)) ids.push_back(check.id);
  return ids;
}

// Of these, what the probe about the GPUs' own library reads.
bool OfNvml(const Check& check) {
  return check.lines.empty() && check.id.starts_with("gpu.") && check.id != "gpu.count" && check.id != "gpu.xid" &&
         check.id != "gpu.sxid";
}

Readings Look(const Catalogue& catalogue, const std::vector<Probe>& probes, const ScanWorld& world) {
  Readings readings;
  const std::vector<ProbeResult> results = world.run(probes);
  for (std::size_t i = 0; i < probes.size(); ++i) {
    for (const Reading& reading : results[i].readings) readings[reading.check][reading.scope] = reading;
    for (const Reading& reading : BrokenReadings(catalogue, probes[i], results[i]))
      readings[reading.check][reading.scope] = reading;
  }
  return readings;
}

// A counter that must grow within a time.
bool IsSignOfLife(const Check& check) {
  return check.window > Duration() && check.lines.empty() && check.fail && check.fail->comparison == Comparison::below;
}

bool NeedsTwoLooks(const Check& check) { return check.strikes > 1 || (check.window > Duration() && check.lines.empty()); }

// The probes that have to look again: those with a counter or a noisy value that was there.
std::vector<Probe> Again(const Catalogue& catalogue, const std::vector<Probe>& probes, const Readings& first) {
  std::vector<Probe> again;
  for (const Probe& probe : probes) {
    const bool wanted = std::any_of(probe.checks.begin(), probe.checks.end(), [&](const std::string& id) {
      const Check* check = catalogue.Find(id);
      const auto found = first.find(id);
      if (!check || !NeedsTwoLooks(*check) || found == first.end()) return false;
      return std::any_of(found->second.begin(), found->second.end(),
                         [](const auto& one) { return one.second.number || one.second.word; });
    });
    if (wanted) again.push_back(probe);
  }
  return again;
}

// Of two looks at a noisy value, the better one; of a counter, its growth.
Verdict OfTwo(const Verdict& first, const Verdict& second) {
  const bool both = first.state != State::ok && second.state != State::ok;
  return both ? second : first.state == State::ok ? first : second;
}

struct Judge2 {
  const Profile& profile;
  Counters& counters;
  Time first_at, second_at;

  std::optional<Verdict> Of(const Check& check, const Reading& one, const Reading* two) {
    if (!NeedsTwoLooks(check)) return Judge(check, one, profile);
    const Reading grown = counters.Grown(check, one, first_at);
    if (!two) return Judge(check, grown, profile);
    const bool counter = check.window > Duration() && check.lines.empty();
    const auto second = Judge(check, counters.Grown(check, *two, second_at), profile);
    if (counter || !second) return second;
    const auto first = Judge(check, grown, profile);
    return first ? std::optional(OfTwo(*first, *second)) : second;
  }
};

const Reading* Find(const Readings& readings, const std::string& check, const std::string& scope) {
  const auto found = readings.find(check);
  if (found == readings.end()) return nullptr;
  const auto in = found->second.find(scope);
  return in == found->second.end() ? nullptr : &in->second;
}

void TakeCheck(const Check& check, const Readings& first, const Readings& second, Judge2& judge, ScanReport& report) {
  const auto found = first.find(check.id);
  if (found == first.end() || found->second.empty()) {
    if (const auto verdict = Judge(check, {.check = check.id}, report.profile)) report.verdicts.push_back(*verdict);
    return;
  }
  bool applies = false;
  std::string reason;
  for (const auto& [scope, reading] : found->second) {
    if (const auto verdict = judge.Of(check, reading, Find(second, check.id, scope))) {
      report.verdicts.push_back(*verdict);
      applies = true;
    } else if (reason.empty()) {
      reason = reading.absent ? *reading.absent
               : reading.moot ? *reading.moot
                              : Cat("the profile ", report.profile.name, " leaves it out");
    }
  }
  if (!applies) report.not_here.push_back({check.id, reason});
}

HostKind KindOf(const ScanOptions& options, const Root& root) {
  HostKind kind{.wanted = options.profile, .instance_type = ProductName(root), .told_by = "DMI"};
  const bool asks =
      kind.wanted.empty() && options.metadata != "off" && (!options.metadata.empty() || (root.live() && IsEc2(root)));
  if (asks) {
    const auto type = InstanceType(options.metadata.empty() ? std::string(kMetadataAddress) : options.metadata);
    if (type) {
      kind.instance_type = *type;
      kind.told_by = "instance metadata";
    } else {
      kind.unheard = type.error().message;
    }
  }
  const auto devices = PciDevices(root);
  kind.gpus = devices && std::any_of(devices->begin(), devices->end(), IsNvidiaGpu);
  kind.lost_gpus = devices ? LostGpus(root, *devices) : std::string();
  return kind;
}

// What is made on demand only, each alone: it takes the host from those beside it.
void AddAsked(const ScanOptions& options, const Catalogue& catalogue, std::vector<Probe>& probes) {
  const Root root(options.root);
  if (!options.dcgm.what.empty())
    probes.push_back({.name = "dcgmi",
                      .checks = {"gpu.dcgm_diag"},
                      .deadline = options.dcgm.patience + 2s,
                      .alone = true,
                      .run = [asked = options.dcgm](Sink& sink) { ProbeDcgm(asked, sink); }});
  if (options.deep.time <= Duration()) return;
  const auto of_gpus = [](const Check& check) { return check.id.starts_with("deep.gpu_"); };
  const auto of_host = [&](const Check& check) { return check.id.starts_with("deep.") && !of_gpus(check); };
  probes.push_back({.name = "deep",
                    .checks = Ids(catalogue, of_host, Reader::asked),
                    .deadline = DeepDeadline(options.deep.time),
                    .alone = true,
                    .run = [root, asked = options.deep](Sink& sink) { ProbeDeep(root, asked, sink); }});
  probes.push_back({.name = "deep look at GPUs",
                    .checks = Ids(catalogue, of_gpus, Reader::asked),
                    .deadline = DeepDeadline(options.deep.time),
                    .alone = true,
                    .run = [root, asked = GpuDeepAsked{.time = options.deep.time, .library = options.cuda}](Sink& sink) {
                      ProbeGpuDeep(root, asked, sink);
                    }});
}

bool Asked(const std::vector<Probe>& probes, const Check& check) {
  return check.by == Reader::asked && std::any_of(probes.begin(), probes.end(), [&](const Probe& probe) {
           return std::find(probe.checks.begin(), probe.checks.end(), check.id) != probe.checks.end();
         });
}

// Nobody writes into the pipe: its time passes.
void Pass(Duration time) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return;
  const Fd reader(ends[0]), writer(ends[1]);
  pollfd one{.fd = reader.get(), .events = POLLIN, .revents = 0};
  ::poll(&one, 1, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(time).count()));
}

}  // namespace

std::vector<Reading> BrokenReadings(const Catalogue& catalogue, const Probe& probe, const ProbeResult& result) {
  std::vector<Reading> readings;
  if (!result.broken) return readings;
  for (const std::string& id : probe.checks) {
    const bool told =
        std::any_of(result.readings.begin(), result.readings.end(), [&](const Reading& one) { return one.check == id; });
    if (told) continue;  // at least some of its devices did answer
    const Check* check = catalogue.Find(id);
    Reading reading{.check = id, .scope = probe.scope, .evidence = *result.broken};
    if (check && check->on_timeout == State::fail && result.timed_out && check->unit == Unit::word) {
      reading.word = "hangs";
    } else {
      reading.unread = *result.broken;
    }
    readings.push_back(std::move(reading));
  }
  return readings;
}

std::vector<Probe> HostProbes(const ScanOptions& options, const Catalogue& catalogue, const Profile& profile) {
  const Root root(options.root);
  std::vector<Probe> probes;
  const auto add = [&](std::string name, std::function<bool(const Check&)> reads, std::function<void(Sink&)> run) {
    probes.push_back(
        {.name = std::move(name), .checks = Ids(catalogue, reads), .deadline = options.deadline, .run = std::move(run)});
  };
  const auto part = [&](std::string name, std::initializer_list<std::string_view> prefixes, void (*run)(const Root&, Sink&)) {
    const std::vector<std::string> owned(prefixes.begin(), prefixes.end());
    add(
        std::move(name),
        [owned](const Check& check) {
          return check.lines.empty() &&
                 std::any_of(owned.begin(), owned.end(), [&](const std::string& one) { return check.id.starts_with(one); });
        },
        [run, root](Sink& sink) { run(root, sink); });
  };
  part("processors", {"cpu."}, ProbeCpu);
  part("memory", {"memory.", "edac."}, ProbeMemory);
  part("host", {"host.", "version.", "service.", "module."}, ProbeHost);
  if (options.pids.empty()) part("limits", {"limits."}, ProbeLimits);
  for (const std::string& pid : options.pids) {
    add(
        Cat("limits of ", pid),
        [](const Check& check) {
          return Begins(check.id, {"limits.", "cpu.allowed"});
        },
        [root, pid](Sink& sink) { ProbeLimitsOf(root, pid, sink); });
    probes.back().scope = Cat("pid ", pid);
  }
  part("clock", {"clock."}, ProbeClock);
  part("processes", {"process.stuck"}, ProbeProcesses);
  // Alone: to read another process's environment waits for its memory's lock, which one that hangs in a page fault may hold.
  add(
      "what jobs have left", [](const Check& check) { return check.id == "process.leftover"; },
      [root, idle = options.idle](Sink& sink) { ProbeLeftovers(root, idle, sink); });
  part("PCI", {"pci.", "pcie.", "aer.", "gpu.count", "neuron."}, ProbePci);
  part("disks", {"nvme.", "raid."}, ProbeDisks);
  part("InfiniBand and EFA", {"efa.", "ib."}, ProbeInfiniband);
  part("network cards", {"net."}, ProbeNetdev);
  const Check* daemons = catalogue.Find("gpu.daemons");
  const NvmlAsked gpus{options.nvml, options.nvidia_smi, options.deadline,
                       daemons ? daemons->programs : std::vector<std::string>()};
  add("NVML", OfNvml, [root, asked = gpus](Sink& sink) { ProbeNvml(root, asked, sink); });
  // Late is not hung: what nvidia-smi does not say in time is unknown, and no failure of the driver.
  if (!options.nvidia_smi.empty()) probes.back().deadline += 2s;
  const KernelLogAsked asked{options.kernel_log, catalogue.checks, catalogue.xids, profile.accelerator};
  add(
      "kernel's log",
      [](const Check& check) {
        return !check.lines.empty() || Begins(check.id, {"kernel.log", "kernel.overrun", kIgnoredLines, "gpu.xid", "gpu.sxid"});
      },
      [root, asked](Sink& sink) { ProbeKernelLog(root, asked, sink); });
  for (const ScanPath& path : options.paths) {
    add(
        Cat("mount ", path.path), [](const Check& check) { return check.id.starts_with("mount."); },
        [root, path](Sink& sink) { ProbeMount(root, path.path, path.use, sink); });
    probes.back().scope = path.path;
  }
  AddAsked(options, catalogue, probes);
  return probes;
}

ScanReport Judged(const Catalogue& catalogue, const Chosen& chosen, const std::vector<Probe>& probes, const ScanWorld& world) {
  ScanReport report{.profile = chosen.profile, .profile_why = chosen.why, .kind = chosen.kind, .product = chosen.product};
  const Time first_at = world.now();
  const Readings first = Look(catalogue, probes, world);
  const std::vector<Probe> again = Again(catalogue, probes, first);
  Readings second;
  Time second_at = first_at;
  if (!again.empty()) {
    world.let_time_pass();
    second_at = world.now();
    second = Look(catalogue, again, world);
  }
  Counters counters;
  Judge2 judge{report.profile, counters, first_at, second_at};
  for (const Check& check : catalogue.checks) {
    if (check.same) report.same.insert(check.id);
    if (IsSignOfLife(check)) report.takes_longer.insert(check.id);
    if (check.by == Reader::scan || Asked(probes, check))
      TakeCheck(Effective(check, report.profile), first, second, judge, report);
  }
  return report;
}

Chosen Idle(Chosen chosen) {
  for (const std::string_view check : kNoneBeforeAJob)
    chosen.profile.limits.push_back({.check = std::string(check), .fail = Rule{.comparison = Comparison::above, .number = 0}});
  return chosen;
}

Result<Chosen> ProfileOf(const ScanOptions& options, const Catalogue& catalogue) {
  EVERSTEP_ASSIGN(Chosen chosen, ChooseProfile(catalogue, KindOf(options, Root(options.root))));
  return options.idle ? Idle(std::move(chosen)) : chosen;
}

Result<ScanReport> Scan(const ScanOptions& options) {
  EVERSTEP_ASSIGN(const Catalogue catalogue, LoadCatalogue(options.catalogue));
  EVERSTEP_ASSIGN(const Chosen chosen, ProfileOf(options, catalogue));
  RealClock clock;
  const ScanWorld world{.let_time_pass = [&] { Pass(options.between_looks); }, .now = [&] { return clock.Now(); }};
  return Judged(catalogue, chosen, HostProbes(options, catalogue, chosen.profile), world);
}

}  // namespace everstep::health
