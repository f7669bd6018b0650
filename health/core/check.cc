#include "health/core/check.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/text.h"

namespace everstep::health {

namespace {

// At most `digits` behind the point, none that says nothing.
std::string Plain(double number, int digits) {
  std::array<char, 64> buffer{};
  const auto done = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number, std::chars_format::fixed, digits);
  std::string text(buffer.data(), done.ptr);
  if (text.find('.') == std::string::npos) return text;
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string Bytes(double number) {
  constexpr std::array<std::string_view, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (number >= 1024 && unit + 1 < kUnits.size()) {
    number /= 1024;
    ++unit;
  }
  return Cat(Plain(number, 1), ' ', kUnits[unit]);
}

}  // namespace

bool OfKernelLog(const Check& check) { return !check.lines.empty() || check.id == "gpu.xid" || check.id == "gpu.sxid"; }

std::string ShowNumber(double number, Unit unit) {
  if (number >= kUnlimited) return "unlimited";
  switch (unit) {
    case Unit::bytes: return Bytes(number);
    case Unit::seconds: return Cat(Plain(number, 3), " s");
    case Unit::percent: return Cat(Plain(number, 1), " %");
    case Unit::celsius: return Cat(Plain(number, 1), " °C");
    case Unit::megahertz: return Cat(Plain(number, 0), " MHz");
    case Unit::gbps: return Cat(Plain(number, 1), " Gbit/s");
    case Unit::count:
    case Unit::word: break;
  }
  return Plain(number, 3);
}

const std::vector<std::string>& ProfileKeys() {
  static const std::vector<std::string> kKeys = {"accelerator", "accelerators", "cpus", "efa",      "infiniband",
                                                 "memory",      "nvlinks",      "nvme", "port_gbps"};
  return kKeys;
}

std::optional<double> Profile::Number(std::string_view key) const {
  if (key == "cpus") return cpus;
  if (key == "memory") return memory;
  if (key == "accelerators") return accelerators;
  if (key == "efa") return efa;
  if (key == "infiniband") return infiniband;
  if (key == "nvme") return nvme;
  if (key == "nvlinks") return nvlinks;
  if (key == "port_gbps") return port_gbps;
  return std::nullopt;
}

bool Profile::Promises(Facility facility) const {
  if (facility == Facility::always || std::find(has.begin(), has.end(), facility) != has.end()) return true;
  const auto some = [](const std::optional<double>& n) { return n && *n > 0; };
  if (facility == Facility::efa) return some(efa);
  if (facility == Facility::rdma) return some(efa) || some(infiniband);
  if (facility == Facility::infiniband) return some(infiniband);
  if (facility == Facility::nvme) return some(nvme);
  if (facility == Facility::nvlink) return some(nvlinks);
  return false;
}

}  // namespace everstep::health
