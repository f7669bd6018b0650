// What everstep-probe is asked for: its arguments, with nccl-tests' names and meanings.
//
// Pure. Errors name the argument, what was found and what is legal.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "collectives/core/floor.h"
#include "collectives/core/pairs.h"
#include "collectives/core/plan.h"
#include "collectives/reduce/kernels.h"

namespace everstep {

EVERSTEP_ENUM(ProbeTest, allreduce, reducescatter, allgather, alltoall, pairs, loopback)
EVERSTEP_ENUM(ProbeBackend, ofi, nccl, mpi)
EVERSTEP_ENUM(ProbePeer, gloo, mpi, nccl)

struct ProbeOptions {
  ProbeTest test = ProbeTest::allreduce;
  ProbeBackend backend = ProbeBackend::ofi;
  std::uint64_t bytes_min = 32u << 20;
  std::uint64_t bytes_max = 32u << 20;
  std::uint64_t step_bytes = 1u << 20;
  std::uint64_t step_factor = 1;  // above 1: instead of step_bytes
  std::uint32_t warmups = 5;
  std::optional<std::uint32_t> iterations{};  // nullopt: 20, and as many more as 100 ms take
  std::uint32_t checks = 1;
  std::vector<DataType> types{DataType::f32};
  bool all_types = false;                                         // that the back end has
  std::vector<ReduceOperation> operations{ReduceOperation::sum};  // of tests that reduce nothing it says nothing
  std::optional<Algorithm> algorithm{};                           // nullopt: by what pairs measured
  std::string provider{};
  std::vector<std::string> interfaces{};  // empty: as the provider has it (ofi/provider.h)
  std::uint32_t rails = 0;                // NICs at most; 0: all there are
  std::uint64_t chunk_bytes = 4u << 20;
  std::uint64_t split_bytes = 0;  // smallest piece for which a message is cut for several rails; 0: as measured
  Duration timeout = 10s;
  std::string json_file{};
  std::vector<ProbePeer> compare{};         // through which a collective is run afterwards
  std::uint64_t register_bytes = 1u << 30;  // of loopback: the most that is registered; 0: nothing is
  bool quiet = false;                       // pairs: of a run without a finding one line
  std::string root = "/";                   // where sysfs is, for the counters of devices
  std::uint64_t seed = 1;
  PairLevel level = PairLevel::full;  // of pairs
  // Of pairs: what earlier runs here have measured, of any key; and the least that each must reach, bytes a second.
  std::vector<std::pair<BaselineKey, MeasuredRun>> learned{};
  std::optional<double> floor{};
  // For tests: in this rank and round, one bit of what arrives is turned.
  struct Tamper {
    std::uint32_t rank = 0;
    std::uint32_t round = 0;  // of pairs and loopback: the message of each part of a test, 0 the one to warm up
  };
  std::optional<Tamper> tamper{};
  // For tests of the proof by counters: the device that should have moved the bytes, whatever the provider.
  std::string device{};
};

// `arguments` without the program's name. kNotFound: help was asked for; the message is it.
Result<ProbeOptions> ParseProbeOptions(const std::vector<std::string>& arguments);

// "64", "4K", "1M", "2G": bytes, by 1024.
std::optional<std::uint64_t> ParseSize(const std::string& text);

}  // namespace everstep
