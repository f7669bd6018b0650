// A look-alike of libcuda.so.1, as far as the deep look at GPUs uses it: device memory is the host's, work is done when it is
// asked for, and what everstep_compute gives is the model's hash, not arithmetic. FAKE_CUDA says what goes wrong, words by
// commas:
//
//   gpus=2                 how many there are (1)
//   init                   cuInit fails as without a driver
//   no_memory=1            GPU 1 has none left
//   wrong_sum=1            GPU 1 computes another sum in its third run
//   wrong_word=0           GPU 0 forgets a bit of its memory
//   lost=1                 GPU 1 falls off the bus while its pattern is read back for the first time
//   hang                   cuInit never returns
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "health/probe/cuda_driver.h"

namespace everstep::health::cuda {

struct ContextTag {
  int device = 0;
};
struct FunctionTag {
  std::string name{};
};
struct EventTag {
  std::chrono::steady_clock::time_point at{};
};

namespace {

constexpr Answer kNoMemory = 2, kNoDevice = 100, kLost = 719;
constexpr int kGpusMax = 8;
struct State {
  std::string faults{};
  ContextTag contexts[kGpusMax];
  int runs[kGpusMax] = {};
  FunctionTag functions[3] = {{"everstep_compute"}, {"everstep_fill"}, {"everstep_verify"}};
  std::mutex mutex{};
  std::map<std::thread::id, int> devices{};  // of each thread
};
State& All() {
  static State* const kAll = new State;
  return *kAll;
}
int DeviceHere() {
  const std::lock_guard lock(All().mutex);
  return All().devices[std::this_thread::get_id()];
}

// What goes wrong, between commas.
std::string& Faults() { return All().faults; }
// The number behind "word=", or -1.
int Told(const std::string& word) {
  const auto at = Faults().find("," + word + "=");
  return at == std::string::npos ? -1 : std::atoi(Faults().c_str() + at + word.size() + 2);
}
bool Says(const std::string& word) { return Faults().find("," + word + ",") != std::string::npos; }
std::uint64_t* At(Address address) { return reinterpret_cast<std::uint64_t*>(address); }
template <class T>
T Parameter(void** parameters, int index) {
  return *static_cast<T*>(parameters[index]);
}
std::uint64_t Word(std::uint64_t i, std::uint64_t seed, std::uint64_t inverted) {
  return (i * 0x9e3779b97f4a7c15 + seed) ^ inverted;
}

void Compute(void** parameters) {
  std::uint64_t sum = 0x1234'5678'9abc'def0;
  const unsigned flip = Parameter<unsigned>(parameters, 2);
  if (flip < 64) sum ^= std::uint64_t{1} << flip;
  if (++All().runs[DeviceHere()] == 3 && Told("wrong_sum") == DeviceHere()) sum += 256;
  *At(Parameter<Address>(parameters, 0)) += sum;
}

void Verify(void** parameters) {
  const std::uint64_t* memory = At(Parameter<Address>(parameters, 0));
  std::uint64_t wrong = Told("wrong_word") == DeviceHere() ? 1 : 0;
  for (std::uint64_t i = 0; i < Parameter<std::uint64_t>(parameters, 1); ++i)
    wrong += memory[i] != Word(i, Parameter<std::uint64_t>(parameters, 2), Parameter<std::uint64_t>(parameters, 3));
  *At(Parameter<Address>(parameters, 4)) += wrong;
}

}  // namespace

extern "C" {

void fake_cuda_fails(const char* faults) { Faults() = std::string(",") + faults + ","; }

Answer cuInit(unsigned) {
  while (Says("hang")) ::pause();
  return Says("init") ? kNoDevice : kSuccess;
}
Answer cuGetErrorString(Answer answer, const char** text) {
  *text = answer == kNoMemory ? "out of memory"
          : answer == kLost   ? "unspecified launch failure"
                              : "no CUDA-capable device is detected";
  return kSuccess;
}
Answer cuDeviceGetCount(int* devices) {
  *devices = Told("gpus") < 0 ? 1 : Told("gpus");
  return kSuccess;
}
Answer cuDeviceGet(Device* device, int index) {
  *device = index;
  return kSuccess;
}
Answer cuDeviceGetName(char* text, int size, Device) {
  std::snprintf(text, static_cast<std::size_t>(size), "NVIDIA Look-alike");
  return kSuccess;
}
Answer cuDeviceGetPCIBusId(char* text, int size, Device device) {
  std::snprintf(text, static_cast<std::size_t>(size), "0000:%02x:00.0", device + 0x18);
  return kSuccess;
}
Answer cuDevicePrimaryCtxRetain(Context* context, Device device) {
  All().contexts[device].device = device;
  *context = &All().contexts[device];
  return kSuccess;
}
Answer cuCtxSetCurrent(Context context) {
  const std::lock_guard lock(All().mutex);
  All().devices[std::this_thread::get_id()] = context->device;
  return kSuccess;
}
Answer cuModuleLoadData(Module* module, const void* ptx) {
  *module = nullptr;
  return std::strstr(static_cast<const char*>(ptx), ".visible .entry everstep_compute") ? kSuccess : 218;
}
Answer cuModuleGetFunction(Function* function, Module, const char* name) {
  for (FunctionTag& one : All().functions)
    if (one.name == name) *function = &one;
  return *function ? kSuccess : 500;
}
Answer cuMemGetInfo_v2(std::size_t* free, std::size_t* total) {
  *free = *total = std::size_t{64} << 20;
  return kSuccess;
}
Answer cuMemAlloc_v2(Address* address, std::size_t bytes) {
  if (Told("no_memory") == DeviceHere()) return kNoMemory;
  *address = reinterpret_cast<Address>(std::calloc(1, bytes));
  return kSuccess;
}
Answer cuMemFree_v2(Address address) {
  std::free(At(address));
  return kSuccess;
}
Answer cuMemAllocHost_v2(void** host, std::size_t bytes) {
  *host = std::calloc(1, bytes);
  return kSuccess;
}
Answer cuMemcpyHtoDAsync_v2(Address to, const void* host, std::size_t bytes, Stream) {
  std::memcpy(At(to), host, bytes);
  return kSuccess;
}
Answer cuMemcpyDtoHAsync_v2(void* host, Address from, std::size_t bytes, Stream) {
  std::memcpy(host, At(from), bytes);
  return kSuccess;
}
Answer cuMemcpyDtoDAsync_v2(Address to, Address from, std::size_t bytes, Stream) {
  std::memmove(At(to), At(from), bytes);
  return kSuccess;
}
Answer cuMemsetD8Async(Address at, unsigned char value, std::size_t bytes, Stream) {
  std::memset(At(at), value, bytes);
  return kSuccess;
}
Answer cuStreamCreate(Stream*, unsigned) { return kSuccess; }
Answer cuEventCreate(Event* event, unsigned) {
  *event = new EventTag;
  return kSuccess;
}
Answer cuEventRecord(Event event, Stream) {
  event->at = std::chrono::steady_clock::now();
  return kSuccess;
}
Answer cuEventSynchronize(Event) { return kSuccess; }
Answer cuEventElapsedTime(float* milliseconds, Event from, Event to) {
  *milliseconds = std::chrono::duration<float, std::milli>(to->at - from->at).count();
  return kSuccess;
}
Answer cuLaunchKernel(Function function, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, Stream,
                      void** parameters, void**) {
  if (function->name == "everstep_compute") {
    Compute(parameters);
  } else if (function->name == "everstep_verify") {
    if (Told("lost") == DeviceHere()) return kLost;
    Verify(parameters);
  } else {
    for (std::uint64_t i = 0; i < Parameter<std::uint64_t>(parameters, 1); ++i)
      At(Parameter<Address>(parameters, 0))[i] =
          Word(i, Parameter<std::uint64_t>(parameters, 2), Parameter<std::uint64_t>(parameters, 3));
  }
  return kSuccess;
}

}  // extern "C"

}  // namespace everstep::health::cuda
