#include "base/real/host.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pwd.h>
#include <unistd.h>

#include <filesystem>
#include <memory>

#include "base/real/files.h"
#include "base/text.h"

namespace everstep {

namespace {

std::string NumericAddress(const sockaddr* address) {
  char text[INET6_ADDRSTRLEN] = {};
  if (address && address->sa_family == AF_INET)
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, text, sizeof text);
  if (address && address->sa_family == AF_INET6)
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, text, sizeof text);
  return text;
}

}  // namespace

Result<BootId> KernelBootId() {
  RealFiles files;
  EVERSTEP_ASSIGN(const std::string id, files.Read("/proc/sys/kernel/random/boot_id"));
  return BootId(std::string(Trim(id)));
}

std::string InterfaceOf(const std::string& address) {
  ifaddrs* list = nullptr;
  if (address.empty() || getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, &freeifaddrs);
  for (const ifaddrs* entry = list; entry; entry = entry->ifa_next)
    if (NumericAddress(entry->ifa_addr) == address) return entry->ifa_name;
  return {};
}

std::uint32_t CountAccelerators(const std::string& dev) {
  constexpr std::string_view kGpu = "nvidia";
  std::uint32_t count = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator it(dev, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();  // nvidiactl, nvidia-uvm and nvidia-caps are no GPUs
    if (name.starts_with(kGpu) && ParseUnsigned(name.substr(kGpu.size()))) ++count;
  }
  return count;
}

UserFacts CurrentUser() {
  passwd entry{};
  passwd* found = nullptr;
  char buffer[4096];
  if (getpwuid_r(getuid(), &entry, buffer, sizeof buffer, &found) != 0 || !found) return {};
  return {found->pw_name, found->pw_dir, found->pw_shell};
}

}  // namespace everstep
