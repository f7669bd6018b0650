// The deep look at a host's NVIDIA GPUs: memory and PCIe bandwidth, the same arithmetic on each of them, and both under stress.
// All GPUs at once, through the CUDA driver, which makes machine code of our own text (gpu_work.ptx); neither CUDA's runtime
// nor a compiler is needed.
//
//   time   a quarter, two seconds at most: copies inside the memory of each GPU, and between it and the host's
//          a quarter, two seconds at most: integers, both floating-point sizes and tensor cores, twice at least: one checksum
//          the rest: that arithmetic again and again, and patterns through half of the memory that is free
//
// Numbers are the slowest GPU's: hosts are compared by them (`everstep check`). Checksums are compared by model.
// REQUIRES: a process of its own (health/scan/runner.h): a driver that never answers is killed with it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "health/probe/root.h"
#include "health/probe/sink.h"

namespace everstep::health {

// A bit that a test turns, in the first run of a GPU's arithmetic.
struct GpuTamper {
  unsigned gpu = 0, bit = 0;  // below 64
};

struct GpuDeepAsked {
  Duration time{};                           // zero: it is not made
  std::string library{};                     // empty: libcuda.so.1 as the loader finds it
  std::optional<std::uint64_t> bytes_max{};  // of each GPU's memory; nullopt: half of what is free
  std::optional<GpuTamper> tamper{};
};

// What one GPU gave.
struct GpuDeep {
  std::string name{};                 // "GPU 0 at 0000:18:00"
  std::string model{};                // as the driver says
  bool faulted = false;               // by the device itself; else for want of memory, say
  std::string failed{};               // what the driver refused, where it did; what is above came before
  std::vector<double> copies{};       // bytes a second, read and written
  std::vector<double> to_device{};    // bytes a second
  std::vector<double> to_host{};      // bytes a second
  std::vector<std::uint64_t> sums{};  // by run
  std::uint64_t runs = 0, wrong_runs = 0, words = 0, wrong_words = 0, bytes = 0;  // under stress
};

// The verdicts' readings: of the slowest, by model, and by GPU. Pure.
void TellGpuDeep(const std::vector<GpuDeep>& gpus, Sink& sink);

// Of the GPUs on the bus of `root`, which must be this host; with a `library` named, of those that it knows.
void ProbeGpuDeep(const Root& root, const GpuDeepAsked& asked, Sink& sink);

}  // namespace everstep::health
