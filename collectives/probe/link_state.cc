#include "collectives/probe/link_state.h"

#include <ifaddrs.h>
#include <net/if.h>

#include <filesystem>
#include <fstream>
#include <memory>

namespace everstep {
namespace {

namespace fs = std::filesystem;

struct FreeInterfaces {
  void operator()(ifaddrs* list) const { ::freeifaddrs(list); }
};

// Not from sysfs, which may be another network namespace's.
bool InterfaceRuns(const std::string& name) {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return true;
  const std::unique_ptr<ifaddrs, FreeInterfaces> owned(list);
  for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next)
    if (name == one->ifa_name) return (one->ifa_flags & IFF_UP) != 0 && (one->ifa_flags & IFF_RUNNING) != 0;
  return true;
}

std::string FirstWord(const fs::path& path) {
  std::ifstream file(path);
  std::string word;
  file >> word;
  return word;
}

}  // namespace

bool HasLink(const std::string& root, const std::string& nic) {
  std::error_code error;
  for (fs::directory_iterator at(fs::path(root) / "sys/class/infiniband" / nic / "ports", error), end; !error && at != end;
       at.increment(error)) {
    const std::string state = FirstWord(at->path() / "state");  // "4: ACTIVE"
    if (!state.empty() && state != "4:") return false;
  }
  return InterfaceRuns(nic);
}

}  // namespace everstep
