#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "health/probe/probes.h"

namespace everstep::health {

namespace {

constexpr std::string_view kDmi = "/sys/class/dmi/id";

void Uptime(const Root& root, Sink& sink) {
  const auto text = root.Read("/proc/uptime");
  if (!text) return sink.Unread("host.uptime", "", text.error().message);
  double seconds = 0;
  if (std::from_chars(text->data(), text->data() + text->size(), seconds).ec != std::errc())
    return sink.Unread("host.uptime", "", "/proc/uptime has no number");
  sink.Number("host.uptime", "", seconds, Cat("/proc/uptime: ", *text));
}

void Dmi(const Root& root, Sink& sink) {
  for (const auto& [check, file] : {std::pair("host.product", "product_name"), std::pair("host.bios", "bios_version")}) {
    const std::string path = Cat(kDmi, '/', file);
    sink.WordOf(check, "", root.Read(path), path);
  }
}

// Without what names this host's own disk: hosts are compared by it.
std::string CommonPart(std::string_view cmdline) {
  std::vector<std::string> kept;
  for (std::string& word : Split(cmdline, ' ')) {
    const auto begins = [&](std::string_view with) { return word.starts_with(with); };
    if (!word.empty() && !begins("root=") && !begins("BOOT_IMAGE=") && !begins("resume=") && !begins("initrd="))
      kept.push_back(std::move(word));
  }
  return Join(kept, " ");
}

// PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
std::string PrettyName(std::string_view release) {
  for (const std::string& line : Split(release, '\n')) {
    if (!line.starts_with("PRETTY_NAME=")) continue;
    std::string name = line.substr(12);
    std::erase(name, '"');
    return name;
  }
  return "unnamed";
}

void Versions(const Root& root, Sink& sink) {
  sink.WordOf("version.kernel", "", root.Read("/proc/sys/kernel/osrelease"), "/proc/sys/kernel/osrelease");
  const auto cmdline = root.Read("/proc/cmdline");
  sink.WordOf("version.cmdline", "", cmdline ? Result<std::string>(CommonPart(*cmdline)) : cmdline, "/proc/cmdline");
  const auto release = root.Read("/etc/os-release");
  sink.WordOf("version.system", "", release ? Result<std::string>(PrettyName(*release)) : release, "/etc/os-release");
  for (const auto& [check, module] :
       {std::pair("version.nvidia", "nvidia"), std::pair("version.efa", "efa"), std::pair("version.mlx5", "mlx5_core")}) {
    const std::string path = Cat("/sys/module/", module, "/version");
    sink.WordOf(check, "", root.Read(path), path);
  }
  const std::string installer = "/opt/amazon/efa_installed_packages";
  const auto packages = root.Read(installer);  // the first line names the installer's own version
  sink.WordOf("version.efa_installer", "", packages ? Result<std::string>(packages->substr(0, packages->find('\n'))) : packages,
              installer);
}

bool Runs(const Root& root, std::string_view comm) {
  const auto names = root.List("/proc");
  if (!names) return false;
  return std::any_of(names->begin(), names->end(), [&](const std::string& name) {
    const auto text = IsDigit(name.front()) ? root.Read(Cat("/proc/", name, "/comm")) : Result<std::string>("");
    return text && *text == comm;
  });
}

void Services(const Root& root, Sink& sink) {
  const auto devices = PciDevices(root);
  const bool has_switch = devices && std::any_of(devices->begin(), devices->end(), IsNvswitch);
  if (!has_switch) {
    sink.Absent("service.fabricmanager", "there is no NVSwitch on the bus");
  } else {
    const bool runs = Runs(root, "nv-fabricmanage");  // the kernel keeps 15 bytes of a name
    sink.Word("service.fabricmanager", "", runs ? "running" : "not-running",
              runs ? "/proc/*/comm: nv-fabricmanage" : "no process is called nv-fabricmanage");
  }
  const auto modules = root.Read("/proc/modules");
  if (!modules || !devices || std::none_of(devices->begin(), devices->end(), IsNvidiaGpu))
    return sink.Absent("module.peermem", "there is no NVIDIA GPU on the bus");
  const bool peermem = modules->starts_with("nvidia_peermem ") || modules->find("\nnvidia_peermem ") != std::string::npos;
  // The open driver hands out dmabufs; its licence tells it from the closed one.
  const auto version = root.Read("/proc/driver/nvidia/version");
  const bool open = version && version->find("Open Kernel Module") != std::string::npos;
  sink.Word("module.peermem", "",
            peermem ? "nvidia_peermem"
            : open  ? "dmabuf"
                    : "none",
            peermem ? "/proc/modules: nvidia_peermem"
            : open  ? "/proc/driver/nvidia/version: the open kernel module"
                    : "/proc/modules has no nvidia_peermem");
}

}  // namespace

std::string ProductName(const Root& root) { return root.Read(Cat(kDmi, "/product_name")).value_or(""); }

void ProbeHost(const Root& root, Sink& sink) {
  Uptime(root, sink);
  sink.WordOf("host.boot_id", "", root.Read("/proc/sys/kernel/random/boot_id"), "/proc/sys/kernel/random/boot_id");
  Dmi(root, sink);
  Versions(root, sink);
  Services(root, sink);
}

}  // namespace everstep::health
