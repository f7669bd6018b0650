// What we use of the CUDA driver's interface, libcuda.so.1: own declarations, loaded where it is, never linked. Numbers and
// layouts are the driver's, stable since its release 11; cuda_declarations_check.cc holds them against cuda.h where that is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/result.h"

namespace everstep::health::cuda {

using Answer = int;
inline constexpr Answer kSuccess = 0;
inline constexpr unsigned kWaitsAsleep = 1;  // of an event: who waits for it leaves the core to others

// Whether the device itself has failed: memory that cannot be corrected, NVLinks, or work of ours, which is right, that it did
// not get through. Else something was missing.
constexpr bool IsFault(Answer answer) {
  return answer == 214 || answer == 220 || answer == 700 || answer == 702 || (answer >= 714 && answer <= 719) || answer == 721;
}

using Device = int;
using Address = unsigned long long;
using Context = struct ContextTag*;
using Module = struct ModuleTag*;
using Function = struct FunctionTag*;
using Stream = struct StreamTag*;
using Event = struct EventTag*;

// Functions of the driver, each under its name in the library.
struct Driver {
  Answer (*init)(unsigned flags) = nullptr;
  Answer (*error_string)(Answer, const char** text) = nullptr;
  Answer (*count)(int* devices) = nullptr;
  Answer (*device)(Device* device, int index) = nullptr;
  Answer (*name)(char* text, int size, Device) = nullptr;
  Answer (*bus_id)(char* text, int size, Device) = nullptr;
  Answer (*retain)(Context*, Device) = nullptr;  // its primary context
  Answer (*use)(Context) = nullptr;              // on this thread
  Answer (*load)(Module*, const void* ptx) = nullptr;
  Answer (*function)(Function*, Module, const char* name) = nullptr;
  Answer (*memory)(std::size_t* free, std::size_t* total) = nullptr;
  Answer (*allocate)(Address*, std::size_t bytes) = nullptr;
  Answer (*release)(Address) = nullptr;
  Answer (*pinned)(void** host, std::size_t bytes) = nullptr;
  Answer (*to_device)(Address, const void* host, std::size_t bytes, Stream) = nullptr;
  Answer (*to_host)(void* host, Address, std::size_t bytes, Stream) = nullptr;
  Answer (*copy)(Address to, Address from, std::size_t bytes, Stream) = nullptr;
  Answer (*clear)(Address, unsigned char value, std::size_t bytes, Stream) = nullptr;
  Answer (*stream)(Stream*, unsigned flags) = nullptr;
  Answer (*event)(Event*, unsigned flags) = nullptr;
  Answer (*record)(Event, Stream) = nullptr;
  Answer (*wait)(Event) = nullptr;
  Answer (*elapsed)(float* milliseconds, Event from, Event to) = nullptr;
  Answer (*launch)(Function, unsigned blocks_x, unsigned blocks_y, unsigned blocks_z, unsigned threads_x, unsigned threads_y,
                   unsigned threads_z, unsigned shared_bytes, Stream, void** parameters, void** extra) = nullptr;
};

// `path`: empty as the loader finds it. kNotFound: there is none, or it lacks something; never unloaded.
Result<Driver> Load(const std::string& path);

}  // namespace everstep::health::cuda
