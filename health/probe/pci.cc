#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "base/text.h"
#include "health/probe/probes.h"

namespace everstep::health {

namespace {

constexpr std::string_view kDevices = "/sys/bus/pci/devices";
constexpr std::uint32_t kEthernet = 0x0200, kInfiniband = 0x0207, kVga = 0x0300, kController3d = 0x0302, kBridge = 0x0680;

// "0x10de" without its 0x.
std::string Hex(const Root& root, const std::string& path) {
  const auto text = root.Read(path);
  return text && text->starts_with("0x") ? text->substr(2) : std::string();
}

std::uint32_t TypeOf(std::string_view hex) {  // "030200": base class, class, interface
  std::uint32_t value = 0;
  std::from_chars(hex.data(), hex.data() + hex.size(), value, 16);
  return value >> 8;
}

bool IsNetwork(const PciDevice& device) { return device.type == kEthernet || device.type == kInfiniband || IsEfa(device); }
bool Matters(const PciDevice& device) {
  return IsNvidiaGpu(device) || IsNeuron(device) || IsNetwork(device) || IsNvswitch(device);
}

std::string Folder(const PciDevice& device) { return Cat(kDevices, '/', device.address); }

std::string Called(const PciDevice& device) {
  return Cat(IsNvidiaGpu(device)  ? "GPU "
             : IsNeuron(device)   ? "Neuron "
             : IsEfa(device)      ? "EFA "
             : IsNvswitch(device) ? "NVSwitch "
                                  : "NIC ",
             device.address);
}

// Lanes: what is idle keeps its width, other than its generation. Virtual functions say 0 or 255.
void Width(const Root& root, const PciDevice& device, Sink& sink) {
  const auto now = root.Number(Cat(Folder(device), "/current_link_width")),
             most = root.Number(Cat(Folder(device), "/max_link_width"));
  if (!now || !most || *now <= 0 || *most <= 0 || *most > 32)
    return sink.Moot("pcie.width", Called(device), "the device does not tell its lanes");
  sink.Number("pcie.width", Called(device), *most - *now,
              Cat(Folder(device), ": current_link_width ", ShowNumber(*now, Unit::count), ", max_link_width ",
                  ShowNumber(*most, Unit::count)));
}

// "RxErr 0\nBadTLP 0\n…\nTOTAL_ERR_FATAL 0": the last line is the sum.
std::optional<double> AerTotal(const Root& root, const std::string& path) {
  const auto text = root.Read(path);
  const std::size_t at = text ? text->find("TOTAL_ERR_") : std::string::npos;
  if (at == std::string::npos) return std::nullopt;
  const std::string_view rest = std::string_view(*text).substr(at);
  const std::size_t blank = rest.find(' ');
  const auto number = blank == std::string_view::npos ? std::nullopt : ParseUnsigned(Trim(rest.substr(blank + 1)));
  return number ? std::optional(static_cast<double>(*number)) : std::nullopt;
}

void Aer(const Root& root, const std::vector<PciDevice>& devices, Sink& sink) {
  bool any = false;
  for (const PciDevice& device : devices) {
    if (!Matters(device)) continue;
    for (const char* kind : {"fatal", "nonfatal", "correctable"}) {
      const std::string path = Cat(Folder(device), "/aer_dev_", kind);
      const auto total = AerTotal(root, path);
      if (!total) continue;
      any = true;
      sink.Number(Cat("aer.", kind), Called(device), *total, Cat(path, ": ", ShowNumber(*total, Unit::count)));
    }
  }
  if (any) return;
  for (const char* check : {"aer.fatal", "aer.nonfatal", "aer.correctable"})
    sink.Absent(check, "no accelerator or network card reports PCIe errors in sysfs");
}

// How many of each kind on which NUMA node: the same on hosts whose cards are in the same slots.
void Layout(const std::vector<PciDevice>& devices, Sink& sink) {
  std::map<std::string, int> counts;
  for (const PciDevice& device : devices)
    if (Matters(device)) ++counts[Cat(device.kind, "@node", device.node)];
  if (counts.empty()) return sink.Word("pci.layout", "", "none", Cat(kDevices, ": no accelerator and no network card"));
  std::vector<std::string> parts;
  for (const auto& [kind, count] : counts) parts.push_back(Cat(count, 'x', kind));
  sink.Word("pci.layout", "", Join(parts, " "), std::string(kDevices));
}

}  // namespace

bool IsNvidiaGpu(const PciDevice& device) {
  return device.vendor == "10de" && (device.type == kController3d || device.type == kVga);
}
bool IsNvswitch(const PciDevice& device) { return device.vendor == "10de" && device.type == kBridge; }
bool IsNeuron(const PciDevice& device) {
  return device.vendor == "1d0f" && (device.device == "7164" || device.device == "7264" || device.device == "7364");
}
bool IsEfa(const PciDevice& device) { return device.vendor == "1d0f" && device.device.starts_with("efa"); }

Result<std::vector<PciDevice>> PciDevices(const Root& root) {
  std::vector<PciDevice> devices;
  const auto names = root.List(kDevices);
  if (!names && names.error().code == ErrorCode::kNotFound) return devices;  // a host without PCI
  if (!names) return Fail(names.error());
  for (const std::string& name : *names) {
    const std::string folder = Cat(kDevices, '/', name);
    PciDevice device{.address = name, .vendor = Hex(root, folder + "/vendor"), .device = Hex(root, folder + "/device")};
    device.kind = Cat(device.vendor, ':', device.device);
    device.type = TypeOf(Hex(root, folder + "/class"));
    if (const auto node = root.Read(folder + "/numa_node"))
      std::from_chars(node->data(), node->data() + node->size(), device.node);
    devices.push_back(std::move(device));
  }
  return devices;
}

std::string LostGpus(const Root& root, const std::vector<PciDevice>& devices) {
  if (std::any_of(devices.begin(), devices.end(), IsNvidiaGpu)) return {};
  const auto nvswitch = std::find_if(devices.begin(), devices.end(), IsNvswitch);
  if (nvswitch != devices.end()) return Cat("an NVSwitch is on the bus at ", nvswitch->address);
  for (const char* driver : {"/proc/driver/nvidia/version", "/sys/module/nvidia"})
    if (root.Exists(driver)) return Cat("their driver is loaded: there is ", driver);
  return {};
}

void ProbePci(const Root& root, Sink& sink) {
  const auto devices = PciDevices(root);
  if (!devices) {
    for (const char* check :
         {"pci.layout", "pcie.width", "aer.fatal", "aer.nonfatal", "aer.correctable", "gpu.count", "neuron.count"})
      sink.Unread(check, "", devices.error().message);
    return;
  }
  Layout(*devices, sink);
  Aer(root, *devices, sink);
  bool any = false;
  for (const PciDevice& device : *devices)
    if (Matters(device)) {
      any = true;
      Width(root, device, sink);
    }
  if (!any) sink.Absent("pcie.width", "no accelerator and no network card is on the bus");
  const auto count = [&](const char* check, bool (*is)(const PciDevice&), const std::string& none) {
    std::vector<std::string> addresses;
    for (const PciDevice& device : *devices)
      if (is(device)) addresses.push_back(device.address);
    if (addresses.empty()) return sink.None(check, none);
    sink.Number(check, "", static_cast<double>(addresses.size()), Clip(Cat(kDevices, ": ", Join(addresses)), 300));
  };
  const std::string lost = LostGpus(root, *devices);
  if (!lost.empty() && devices->empty()) {  // a container may hide the bus
    sink.Unread("gpu.count", "", Cat(kDevices, " shows no device at all, but of NVIDIA GPUs ", lost));
  } else {
    count("gpu.count", IsNvidiaGpu, Cat("there is no NVIDIA GPU on the bus", lost.empty() ? "" : ", but ", lost));
  }
  count("neuron.count", IsNeuron, "there is no Neuron device on the bus");
}

}  // namespace everstep::health
