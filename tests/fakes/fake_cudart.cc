// A look-alike of libcudart.so: device memory is the host's, and there are as many devices as FAKE_CUDA_DEVICES says, or 8.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "collectives/nccl/declarations.h"
#include "fake_stream.h"

namespace everstep::cuda {

struct Event {
  Stream* stream = nullptr;
  bool done = true;
  std::chrono::steady_clock::time_point at{};
};

extern "C" {

Answer cudaRuntimeGetVersion(int* version) {
  *version = 13000;
  return Answer::success;
}
Answer cudaGetDeviceCount(int* count) {
  const char* devices = std::getenv("FAKE_CUDA_DEVICES");
  *count = devices == nullptr ? 8 : std::atoi(devices);
  return *count > 0 ? Answer::success : static_cast<Answer>(100);
}
Answer cudaSetDevice(int) { return Answer::success; }
Answer cudaDeviceGetPCIBusId(char* text, int size, int device) {
  std::snprintf(text, static_cast<std::size_t>(size), "0000:%02x:00.0", device + 1);
  return Answer::success;
}
Answer cudaMalloc(void** made, std::size_t bytes) {
  *made = Kept(std::malloc(bytes));
  return Answer::success;
}
Answer cudaFree(void* memory) {
  std::free(memory);
  return Answer::success;
}
Answer cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, Copy, Stream* stream) {
  stream->steps.emplace_back([=] {
    std::memcpy(to, from, bytes);
    return true;
  });
  return Answer::success;
}
Answer cudaStreamCreate(Stream** made) {
  *made = Kept(new Stream);
  return Answer::success;
}
Answer cudaEventCreate(Event** made) {
  *made = Kept(new Event);
  return Answer::success;
}
Answer cudaEventRecord(Event* event, Stream* stream) {
  event->stream = stream;
  event->done = false;
  stream->steps.emplace_back([event] {
    event->at = std::chrono::steady_clock::now();
    event->done = true;
    return true;
  });
  return Answer::success;
}
Answer cudaEventQuery(Event* event) {
  if (event->stream != nullptr) event->stream->Go();
  return event->done ? Answer::success : Answer::not_ready;
}
Answer cudaEventElapsedTime(float* milliseconds, Event* start, Event* end) {
  *milliseconds = std::chrono::duration<float, std::milli>(end->at - start->at).count();
  return Answer::success;
}
const char* cudaGetErrorString(Answer answer) {
  return static_cast<int>(answer) == 100 ? "no CUDA-capable device is detected" : "an error of the look-alike";
}

}  // extern "C"

}  // namespace everstep::cuda
