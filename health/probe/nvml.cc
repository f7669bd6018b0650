#include <algorithm>
#include <array>
#include <set>

#include "base/text.h"
#include "health/probe/gpu_processes.h"
#include "health/probe/nvidia_smi.h"
#include "health/probe/nvml_library.h"
#include "health/probe/probes.h"
#include "health/probe/program.h"

namespace everstep::health {

namespace {

using nvml::Answer;
using nvml::Device;
using nvml::kSuccess;
using nvml::Library;

constexpr std::array<const char*, 23> kOfGpus = {
    "gpu.missing",           "gpu.model",           "gpu.kinds",         "gpu.uuid",         "gpu.recovery_action",
    "gpu.ecc_mode",          "gpu.ecc_uncorrected", "gpu.ecc_corrected", "gpu.remap_failed", "gpu.remap_pending",
    "gpu.remap_uncorrected", "gpu.retired_pending", "gpu.throttle",      "gpu.temperature",  "gpu.pcie_generation",
    "gpu.pcie_replays",      "gpu.nvlink_down",     "gpu.nvlink_errors", "gpu.fabric_state", "gpu.persistence",
    "gpu.processes",         "gpu.daemons",         "gpu.nvml"};

// One GPU and what it is asked: each answer becomes a reading, each refusal its reason.
class Gpu {
 public:
  Gpu(const Library& library, Device device, std::string scope, Sink& sink)
      : library_(library), device_(device), scope_(std::move(scope)), sink_(sink) {}

  void Identity(std::set<std::string>& kinds);
  void Memory();
  void Clocks();
  void Pcie();
  void Links();
  void State();
  void Processes(GpuProcesses& all);

 private:
  // Calls it, and says why there is no answer. `function` may be null: the release lacks it.
  template <class F, class... Arguments>
  bool Ask(std::initializer_list<const char*> checks, const char* called, F function, Arguments... arguments) {
    sink_.Waiting(Cat(called, " of ", scope_));
    const Answer answer = function ? function(device_, arguments...) : nvml::kFunctionNotFound;
    if (answer == kSuccess) return true;
    for (const char* check : checks) {
      if (answer == nvml::kNotSupported || answer == nvml::kFunctionNotFound) {
        sink_.Moot(check, scope_, Cat(called, ": not supported"));
      } else {
        sink_.Unread(check, scope_, Cat(called, ": ", Said(answer)));
      }
    }
    return false;
  }
  std::string Said(Answer answer) const {
    return library_.error_string ? std::string(library_.error_string(answer)) : Cat("answer ", answer);
  }
  void YesNo(const char* check, bool yes, const std::string& evidence) {
    sink_.Word(check, scope_, yes ? "yes" : "no", evidence);
  }
  void Count(const char* check, double number, const char* called) {
    sink_.Number(check, scope_, number, Cat(called, ": ", ShowNumber(number, Unit::count)));
  }

  const Library& library_;
  Device device_;
  std::string scope_;
  Sink& sink_;
};

void Gpu::Identity(std::set<std::string>& kinds) {
  std::array<char, 96> text{};
  std::string kind;
  if (Ask({"gpu.model"}, "nvmlDeviceGetName", library_.name, text.data(), 96u)) {
    kind = text.data();
    sink_.Word("gpu.model", scope_, kind, Cat("nvmlDeviceGetName: ", kind));
  }
  if (library_.vbios && library_.vbios(device_, text.data(), 96u) == kSuccess) kind += Cat(' ', text.data());
  if (!kind.empty()) kinds.insert(kind);
  if (Ask({"gpu.uuid"}, "nvmlDeviceGetUUID", library_.uuid, text.data(), 96u))
    sink_.Word("gpu.uuid", scope_, text.data(), Cat("nvmlDeviceGetUUID: ", text.data()));
}

void Gpu::Memory() {
  int mode = 0, pending_mode = 0;
  if (Ask({"gpu.ecc_mode"}, "nvmlDeviceGetEccMode", library_.ecc_mode, &mode, &pending_mode))
    sink_.Word("gpu.ecc_mode", scope_, mode ? "on" : "off",
               Cat("nvmlDeviceGetEccMode: ", mode, ", after a reset ", pending_mode));
  unsigned long long errors = 0;
  if (Ask({"gpu.ecc_uncorrected"}, "nvmlDeviceGetTotalEccErrors", library_.ecc_errors, nvml::kUncorrected, nvml::kVolatile,
          &errors))
    Count("gpu.ecc_uncorrected", static_cast<double>(errors), "nvmlDeviceGetTotalEccErrors(uncorrected)");
  if (Ask({"gpu.ecc_corrected"}, "nvmlDeviceGetTotalEccErrors", library_.ecc_errors, nvml::kCorrected, nvml::kVolatile,
          &errors))
    Count("gpu.ecc_corrected", static_cast<double>(errors), "nvmlDeviceGetTotalEccErrors(corrected)");
  unsigned corrected = 0, uncorrected = 0, pending = 0, failed = 0;
  if (Ask({"gpu.remap_failed", "gpu.remap_pending", "gpu.remap_uncorrected"}, "nvmlDeviceGetRemappedRows", library_.remapped,
          &corrected, &uncorrected, &pending, &failed)) {
    const std::string said = Cat("nvmlDeviceGetRemappedRows: corrected ", corrected, ", uncorrected ", uncorrected,
                                 ", pending ", pending, ", failed ", failed);
    YesNo("gpu.remap_failed", failed != 0, said);
    YesNo("gpu.remap_pending", pending != 0, said);
    sink_.Number("gpu.remap_uncorrected", scope_, uncorrected, said);
  }
  int retired = 0;
  if (Ask({"gpu.retired_pending"}, "nvmlDeviceGetRetiredPagesPendingStatus", library_.retired_pending, &retired))
    YesNo("gpu.retired_pending", retired != 0, Cat("nvmlDeviceGetRetiredPagesPendingStatus: ", retired));
}

void Gpu::Clocks() {
  unsigned long long reasons = 0;
  if (Ask({"gpu.throttle"}, "nvmlDeviceGetCurrentClocksThrottleReasons", library_.throttle, &reasons)) {
    // HwSlowdown comes with either of the two that say more.
    const char* word = reasons & nvml::kHwThermal    ? "hw-thermal"
                       : reasons & nvml::kPowerBrake ? "power-brake"
                       : reasons & nvml::kHwSlowdown ? "hw-slowdown"
                       : reasons & nvml::kSwThermal  ? "sw-thermal"
                                                     : "none";
    sink_.Word("gpu.throttle", scope_, word, Cat("nvmlDeviceGetCurrentClocksThrottleReasons: ", reasons));
  }
  unsigned degrees = 0;
  if (Ask({"gpu.temperature"}, "nvmlDeviceGetTemperature", library_.temperature, nvml::kGpuSensor, &degrees))
    Count("gpu.temperature", degrees, "nvmlDeviceGetTemperature");
}

void Gpu::Pcie() {
  unsigned now = 0, most = 0, replays = 0;
  nvml::Utilization busy{};
  if (Ask({"gpu.pcie_generation"}, "nvmlDeviceGetCurrPcieLinkGeneration", library_.generation, &now) &&
      Ask({"gpu.pcie_generation"}, "nvmlDeviceGetMaxPcieLinkGeneration", library_.generation_max, &most) &&
      Ask({"gpu.pcie_generation"}, "nvmlDeviceGetUtilizationRates", library_.utilization, &busy)) {
    const std::string said = Cat("generation ", now, " of ", most, " at a utilization of ", busy.gpu, " %");
    if (busy.gpu == 0 && now < most) {
      sink_.Moot("gpu.pcie_generation", scope_, Cat(said, ": an idle link drops its generation"));
    } else {
      sink_.Number("gpu.pcie_generation", scope_, most > now ? most - now : 0, said);
    }
  }
  if (Ask({"gpu.pcie_replays"}, "nvmlDeviceGetPcieReplayCounter", library_.replays, &replays))
    Count("gpu.pcie_replays", replays, "nvmlDeviceGetPcieReplayCounter");
}

void Gpu::Links() {
  unsigned links = 0;
  double errors = 0;
  std::vector<std::string> down;
  sink_.Waiting(Cat("nvmlDeviceGetNvLinkState of ", scope_));
  for (unsigned link = 0; library_.link_state && link < nvml::kLinksMax; ++link) {
    int active = 0;
    if (library_.link_state(device_, link, &active) != kSuccess) continue;
    ++links;
    if (!active) down.push_back(Cat(link));
    for (int counter = 0; library_.link_errors && counter < 4; ++counter) {
      unsigned long long count = 0;
      if (library_.link_errors(device_, link, counter, &count) == kSuccess) errors += static_cast<double>(count);
    }
  }
  if (links == 0) {
    for (const char* check : {"gpu.nvlink_down", "gpu.nvlink_errors"}) sink_.Absent(check, "the GPUs have no NVLink");
    return;
  }
  sink_.Number("gpu.nvlink_down", scope_, static_cast<double>(down.size()),
               down.empty() ? Cat("all ", links, " links are active") : Cat("inactive of ", links, ": ", Join(down)));
  Count("gpu.nvlink_errors", errors, "nvmlDeviceGetNvLinkErrorCounter, all links");
}

void Gpu::State() {
  nvml::FieldValue field{};
  field.field = nvml::kRecoveryAction;
  if (Ask({"gpu.recovery_action"}, "nvmlDeviceGetFieldValues", library_.fields, 1, &field)) {
    constexpr std::array<const char*, 6> kNames = {"none", "reset", "reboot", "drain-p2p", "drain-and-reset", "recover-imex"};
    const unsigned value = field.value.number;
    if (field.answer != kSuccess) {
      sink_.Moot("gpu.recovery_action", scope_, "the driver is older than 565");
    } else {
      TellRecovery(scope_, value < kNames.size() ? std::string(kNames[value]) : Cat("unknown-", value),
                   Cat("GPU_RECOVERY_ACTION: ", value), sink_);
    }
  }
  nvml::FabricInfo fabric{};
  if (Ask({"gpu.fabric_state"}, "nvmlDeviceGetGpuFabricInfo", library_.fabric, &fabric)) {
    constexpr std::array<const char*, 4> kNames = {"not-supported", "not-started", "in-progress", "completed"};
    const bool failed = fabric.state == 3 && fabric.status != kSuccess;
    sink_.Word("gpu.fabric_state", scope_,
               failed                         ? "failed"
               : fabric.state < kNames.size() ? kNames[fabric.state]
                                              : "unknown",
               Cat("nvmlDeviceGetGpuFabricInfo: state ", static_cast<int>(fabric.state), ", status ", fabric.status));
  }
  int persistent = 0;
  if (Ask({"gpu.persistence"}, "nvmlDeviceGetPersistenceMode", library_.persistence, &persistent))
    sink_.Word("gpu.persistence", scope_, persistent ? "on" : "off", Cat("nvmlDeviceGetPersistenceMode: ", persistent));
}

void Gpu::Processes(GpuProcesses& all) {
  constexpr int kLooks = 5;       // others start and end meanwhile
  constexpr unsigned kMore = 16;  // than there were at the look before
  constexpr const char* kCalled = "nvmlDeviceGetComputeRunningProcesses";
  // Without room for them, the library says how many there are.
  unsigned count = 0;
  std::vector<nvml::ProcessInfo> infos;
  sink_.Waiting(Cat(kCalled, " of ", scope_));
  Answer answer = library_.processes ? library_.processes(device_, &count, nullptr) : nvml::kFunctionNotFound;
  for (int look = 1; answer == nvml::kInsufficientSize && look < kLooks; ++look) {
    infos.resize(count + kMore);
    count += kMore;
    answer = library_.processes(device_, &count, infos.data());
  }
  if (answer != kSuccess) return sink_.Moot("gpu.processes", scope_, Cat(kCalled, ": ", Said(answer)));
  std::vector<GpuProcess> processes;
  for (std::size_t i = 0; i < count && i < infos.size(); ++i) processes.push_back({.pid = infos[i].pid});
  all.Tell(scope_, processes, kCalled, sink_);
}

std::size_t GpusOnBus(const Root& root) {
  const auto devices = PciDevices(root);
  return devices ? static_cast<std::size_t>(std::count_if(devices->begin(), devices->end(), IsNvidiaGpu)) : 0;
}

void NoLibrary(std::size_t on_bus, const Error& error, Sink& sink) {
  for (const char* check : kOfGpus) {
    if (on_bus == 0) {
      sink.Absent(check, "there is no NVIDIA GPU on the bus");
    } else {
      sink.Unread(check, "", Cat(Count(on_bus, "NVIDIA GPU"), " on the bus, but ", error.message));
    }
  }
}

// Who asks for nvidia-smi is told why it says nothing, whatever is on the bus.
void FromNvidiaSmi(const Root& root, const NvmlAsked& asked, std::size_t on_bus, Sink& sink) {
  const std::string run = Cat(asked.smi, " -q -x");
  sink.Waiting(run);
  const auto printed = PrintedBy(asked.smi, {"-q", "-x"}, asked.patience);
  std::string why;
  if (!printed) {
    why = Cat(run, ' ', printed.error().message);
  } else if (const Status told = TellNvidiaSmi(printed->out, on_bus, GpuProcesses(root, asked.daemons), sink); !told) {
    why = Cat(run, ' ', WhyNonsense(*printed, told.error().message));
  }
  if (why.empty()) return;
  for (const char* check : kOfGpus) sink.Unread(check, "", why);
}

// "GPU 0 at 0000:18:00", as the kernel's log names it.
std::string Scope(const Library& library, Device device, unsigned index) {
  nvml::PciInfo pci{};
  if (!library.pci || library.pci(device, &pci) != kSuccess) return Cat("GPU ", index);
  std::string bus(pci.bus_id);  // "00000000:18:00.0"
  bus = bus.substr(0, bus.find('.'));
  if (bus.starts_with("0000")) bus.erase(0, 4);
  return Cat("GPU ", index, " at ", bus);
}

}  // namespace

void ProbeNvml(const Root& root, const NvmlAsked& asked, Sink& sink) {
  const std::size_t on_bus = GpusOnBus(root);
  const auto without = [&](const Error& why) {
    return asked.smi.empty() ? NoLibrary(on_bus, why, sink) : FromNvidiaSmi(root, asked, on_bus, sink);
  };
  if (!root.live() && asked.library.empty())
    return without({.message = "a recorded tree has no driver that could be asked", .hint = ""});
  sink.Waiting("the dynamic loader, for libnvidia-ml.so.1");
  const auto library = nvml::Load(asked.library);
  if (!library) return without(library.error());
  sink.Waiting("nvmlInit_v2()");
  const Answer started = library->init();
  const auto said = [&](Answer answer) {
    return library->error_string ? std::string(library->error_string(answer)) : Cat("answer ", answer);
  };
  if (started != kSuccess) {
    if (on_bus == 0) return NoLibrary(0, {.message = "", .hint = ""}, sink);
    sink.Word("gpu.nvml", "", "fails", Cat("nvmlInit_v2(): ", said(started)));
    for (const char* check : kOfGpus)
      if (std::string_view(check) != "gpu.nvml") sink.Unread(check, "", Cat("nvmlInit_v2(): ", said(started)));
    return;
  }
  sink.Word("gpu.nvml", "", "answers", "nvmlInit_v2(): Success");
  unsigned count = 0;
  sink.Waiting("nvmlDeviceGetCount_v2()");
  if (const Answer answer = library->count(&count); answer != kSuccess)
    return sink.Unread("gpu.missing", "", Cat("nvmlDeviceGetCount_v2(): ", said(answer)));
  sink.Number("gpu.missing", "", static_cast<double>(on_bus) - count,
              Cat(on_bus, " on the PCI bus, ", count, " known to the driver"));
  std::set<std::string> kinds;
  GpuProcesses processes(root, asked.daemons);
  for (unsigned index = 0; index < count; ++index) {
    Device device = nullptr;
    if (const Answer answer = library->handle(index, &device); answer != kSuccess) {
      sink.Word("gpu.nvml", Cat("GPU ", index), "fails", Cat("nvmlDeviceGetHandleByIndex_v2(", index, "): ", said(answer)));
      continue;
    }
    Gpu gpu(*library, device, Scope(*library, device, index), sink);
    gpu.Identity(kinds);
    gpu.Memory();
    gpu.Clocks();
    gpu.Pcie();
    gpu.Links();
    gpu.State();
    gpu.Processes(processes);
  }
  if (count > 0) processes.TellDaemons(sink);
  if (count > 0)
    sink.Number("gpu.kinds", "", static_cast<double>(kinds.size()), Clip(Join({kinds.begin(), kinds.end()}, "; "), 300));
}

}  // namespace everstep::health
