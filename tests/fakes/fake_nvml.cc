// A look-alike of libnvidia-ml.so.1. What it answers stands in a file, a key and a value a line; FAKE_NVML names the file, or a
// test by fake_nvml_file():
//
//   gpus 2                 how many there are
//   init 9                 nvmlInit_v2 fails with that code; "init hang": it never returns
//   all.temperature 40     of every GPU
//   1.temperature 97       of GPU 1 alone
//   1.temperature error 15 that call fails with that code
//   1.processes 2 77 78    how many compute on it, and their process ids; 0 where none is named
//
// What the file does not name is not supported.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "health/probe/nvml_declarations.h"

namespace everstep::health::nvml {
namespace {

// The file that a test has named: a library has no other place for it.
std::string& FileOfTest() {
  static std::string* const kFile = new std::string;
  return *kFile;
}

std::map<std::string, std::string> State() {
  std::string path = FileOfTest();
  if (path.empty()) {
    const char* named = std::getenv("FAKE_NVML");
    if (named) path = named;
  }
  std::map<std::string, std::string> state;
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    const std::size_t blank = line.find(' ');
    if (blank != std::string::npos) state[line.substr(0, blank)] = line.substr(blank + 1);
  }
  return state;
}

unsigned IndexOf(Device device) { return static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(device) - 1); }

Answer Find(Device device, const std::string& key, std::string& value) {
  const auto state = State();
  auto found = state.find(std::to_string(IndexOf(device)) + "." + key);
  if (found == state.end()) found = state.find("all." + key);
  if (found == state.end()) return kNotSupported;
  if (found->second.rfind("error ", 0) == 0) return std::atoi(found->second.c_str() + 6);
  value = found->second;
  return kSuccess;
}

template <class N>
Answer Number(Device device, const std::string& key, N* out) {
  std::string value;
  const Answer answer = Find(device, key, value);
  if (answer == kSuccess) *out = static_cast<N>(std::strtoull(value.c_str(), nullptr, 10));
  return answer;
}

Answer Text(Device device, const std::string& key, char* out, unsigned length) {
  std::string value;
  const Answer answer = Find(device, key, value);
  if (answer == kSuccess) std::snprintf(out, length, "%s", value.c_str());
  return answer;
}

}  // namespace

extern "C" {

void fake_nvml_file(const char* path) { FileOfTest() = path; }

Answer nvmlInit_v2() {
  const auto state = State();
  const auto init = state.find("init");
  if (init == state.end()) return kSuccess;
  while (init->second == "hang") ::pause();
  return std::atoi(init->second.c_str());
}
Answer nvmlShutdown() { return kSuccess; }
const char* nvmlErrorString(Answer answer) { return answer == kDriverNotLoaded ? "Driver Not Loaded" : "Unknown Error"; }
Answer nvmlDeviceGetCount_v2(unsigned* count) {
  const auto state = State();
  const auto gpus = state.find("gpus");
  *count = gpus == state.end() ? 0 : static_cast<unsigned>(std::atoi(gpus->second.c_str()));
  return kSuccess;
}
Answer nvmlDeviceGetHandleByIndex_v2(unsigned index, Device* device) {
  *device = reinterpret_cast<Device>(static_cast<std::uintptr_t>(index) + 1);
  std::string lost;
  return Find(*device, "handle", lost) == kGpuIsLost ? kGpuIsLost : kSuccess;
}
Answer nvmlDeviceGetPciInfo_v3(Device device, PciInfo* pci) {
  std::memset(pci, 0, sizeof *pci);
  return Text(device, "bus", pci->bus_id, sizeof pci->bus_id);
}
Answer nvmlDeviceGetName(Device device, char* out, unsigned length) { return Text(device, "name", out, length); }
Answer nvmlDeviceGetUUID(Device device, char* out, unsigned length) { return Text(device, "uuid", out, length); }
Answer nvmlDeviceGetVbiosVersion(Device device, char* out, unsigned length) { return Text(device, "vbios", out, length); }
Answer nvmlDeviceGetEccMode(Device device, int* now, int* pending) {
  *pending = 1;
  return Number(device, "ecc", now);
}
Answer nvmlDeviceGetTotalEccErrors(Device device, int type, int, unsigned long long* count) {
  return Number(device, type == kUncorrected ? "ecc_uncorrected" : "ecc_corrected", count);
}
Answer nvmlDeviceGetRemappedRows(Device device, unsigned* corrected, unsigned* uncorrected, unsigned* pending,
                                 unsigned* failed) {
  *corrected = 0;
  Answer answer = Number(device, "remap_uncorrected", uncorrected);
  if (answer == kSuccess) answer = Number(device, "remap_pending", pending);
  if (answer == kSuccess) answer = Number(device, "remap_failed", failed);
  return answer;
}
Answer nvmlDeviceGetRetiredPagesPendingStatus(Device device, int* pending) {
  return Number(device, "retired_pending", pending);
}
Answer nvmlDeviceGetCurrentClocksThrottleReasons(Device device, unsigned long long* reasons) {
  return Number(device, "throttle", reasons);
}
Answer nvmlDeviceGetTemperature(Device device, int, unsigned* degrees) { return Number(device, "temperature", degrees); }
Answer nvmlDeviceGetCurrPcieLinkGeneration(Device device, unsigned* now) { return Number(device, "pcie_generation", now); }
Answer nvmlDeviceGetMaxPcieLinkGeneration(Device device, unsigned* most) { return Number(device, "pcie_generation_max", most); }
Answer nvmlDeviceGetUtilizationRates(Device device, Utilization* busy) { return Number(device, "busy", &busy->gpu); }
Answer nvmlDeviceGetPcieReplayCounter(Device device, unsigned* replays) { return Number(device, "replays", replays); }
Answer nvmlDeviceGetNvLinkState(Device device, unsigned link, int* active) {
  return Number(device, "link" + std::to_string(link), active);
}
Answer nvmlDeviceGetNvLinkErrorCounter(Device device, unsigned link, int counter, unsigned long long* count) {
  *count = 0;
  return link == 0 && counter == 0 ? Number(device, "link_errors", count) : kSuccess;
}
Answer nvmlDeviceGetGpuFabricInfo(Device device, FabricInfo* fabric) {
  std::memset(fabric, 0, sizeof *fabric);
  return Number(device, "fabric", &fabric->state);
}
Answer nvmlDeviceGetPersistenceMode(Device device, int* on) { return Number(device, "persistence", on); }
Answer nvmlDeviceGetComputeRunningProcesses_v3(Device device, unsigned* count, ProcessInfo* infos) {
  std::string value;
  const Answer answer = Find(device, "processes", value);
  if (answer != kSuccess) return answer;
  std::istringstream words(value);
  unsigned running = 0;
  words >> running;
  const bool fits = running <= *count;
  *count = running;
  if (!fits) return kInsufficientSize;
  for (unsigned i = 0; i < running; ++i) {
    infos[i] = {};
    words >> infos[i].pid;
  }
  return kSuccess;
}
Answer nvmlDeviceGetFieldValues(Device device, int, FieldValue* field) {
  field->type = 1;
  field->answer = Number(device, "recovery", &field->value.number);
  return kSuccess;
}

}  // extern "C"
}  // namespace everstep::health::nvml
