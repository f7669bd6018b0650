// The deep look at a host: how fast its memory is, whether all its cores compute the same, and both under stress. Made only
// where somebody asks for it, for the time that is asked for: it takes all cores that this process may use, and a quarter of
// the memory that is free.
//
//   time   a quarter: copies over memory far larger than the caches, three at least, two seconds at most
//          a quarter: the same arithmetic on each core, twice at least, two seconds at most
//          the rest: that arithmetic again and again, and patterns through memory
//
// No number here is held against one of another machine: hosts are compared with each other (`everstep check`).
// REQUIRES, of ProbeDeep: a process of its own (health/scan/runner.h): it starts threads and gives up where memory is short.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "health/core/check.h"
#include "health/probe/root.h"
#include "health/probe/sink.h"

namespace everstep::health {

// What a test turns on one core, once: a bit in the middle of the arithmetic, of the compare or of the stress, or one in
// memory.
EVERSTEP_ENUM(TamperAt, compute, stress, memory)
struct Tamper {
  TamperAt at = TamperAt::compute;
  unsigned core = 0;  // the first is 0
  unsigned bit = 0;
};

struct DeepAsked {
  Duration time{};                           // zero: it is not made
  std::optional<unsigned> cores{};           // as many threads; nullopt: one on each CPU
  std::optional<std::uint64_t> bytes_max{};  // of memory, for each part; nullopt: a quarter of what is free
  std::optional<Tamper> tamper{};
};

// The time that each part has.
struct DeepPlan {
  Duration bandwidth{}, compute{}, stress{};
};
DeepPlan DeepPlanOf(Duration time);
// For the whole probe: what is asked for, and as long again as a busy host or slow memory may take on top.
Duration DeepDeadline(Duration time);

struct DeepBandwidth {
  std::uint64_t bytes = 0;       // that a pass reads; it writes as many
  std::vector<double> passes{};  // bytes a second, read and written
  std::size_t cores = 0;
};
struct CoreSums {
  int cpu = 0;
  std::vector<std::uint64_t> sums{};  // by run
};
struct DeepStress {
  std::uint64_t runs = 0, wrong_runs = 0;    // of the arithmetic
  std::uint64_t words = 0, wrong_words = 0;  // read back from memory
  std::uint64_t bytes = 0;                   // of memory that was in use
  std::vector<int> wrong_cpus{};
};

// REQUIRES: at least one pass.
Reading BandwidthReading(const DeepBandwidth& measured);
// The checksum as a word, of scope `model`; "differs" where two cores or two runs do. REQUIRES: at least one sum.
Reading ComputeReading(const std::string& model, const std::vector<CoreSums>& cores);
Reading StressReading(const DeepStress& seen);

// 16 hexadecimal digits.
std::string SumText(std::uint64_t word);
// What most runs gave; of several, the first.
std::uint64_t MostCommonSum(const std::vector<CoreSums>& cores);

// Much larger than the last cache, where memory allows that: at least this much is copied in a pass.
inline constexpr std::uint64_t kBandwidthBytesMin = 256ull << 20;

void ProbeDeep(const Root& root, const DeepAsked& asked, Sink& sink);

}  // namespace everstep::health
