#include "collectives/probe/device_counters.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/text.h"

namespace everstep {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> Entries(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) entries.push_back(at->path());
  std::sort(entries.begin(), entries.end());
  return entries;
}

std::optional<std::uint64_t> Counter(const fs::path& path, std::uint64_t unit) {
  std::ifstream file(path);
  std::string word;
  if (!(file >> word)) return std::nullopt;
  const auto number = ParseUnsigned(word);
  return number ? std::optional(*number * unit) : std::nullopt;
}

std::optional<std::uint64_t> Sum(const std::optional<std::uint64_t>& a, const std::optional<std::uint64_t>& b) {
  return a && b ? std::optional(*a + *b) : std::nullopt;
}

}  // namespace

std::vector<DeviceBytes> ReadDeviceBytes(const std::string& root) {
  std::vector<DeviceBytes> devices;
  for (const fs::path& folder : Entries(fs::path(root) / "sys" / "class" / "infiniband")) {
    DeviceBytes device{.device = folder.filename(), .sent = 0, .received = 0};
    for (const fs::path& port : Entries(folder / "ports")) {
      std::error_code error;
      const bool words = fs::exists(port / "counters" / "port_xmit_data", error);
      const std::uint64_t unit = words ? 4 : 1;
      device.sent =
          Sum(device.sent, Counter(words ? port / "counters" / "port_xmit_data" : port / "hw_counters" / "tx_bytes", unit));
      device.received =
          Sum(device.received, Counter(words ? port / "counters" / "port_rcv_data" : port / "hw_counters" / "rx_bytes", unit));
    }
    devices.push_back(std::move(device));
  }
  return devices;
}

}  // namespace everstep
