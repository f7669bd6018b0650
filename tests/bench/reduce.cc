// How fast the reduction kernels are on one thread, beside memcpy between the same buffers: from DRAM (64 MiB each) and from
// the second-level cache (128 KiB each, how collectives/ofi cuts its work). The variants take turns, so that a slow minute hits
// all of them.
//
//   bench_reduce [-o table|json] [--rounds N]
//
// GB/s of output, as memcpy counts: bytes of the result, not of what was read.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "base/fields.h"
#include "base/json/codec.h"
#include "base/real/clock.h"
#include "base/text.h"
#include "collectives/reduce/kernels.h"

namespace everstep {

struct KernelSpeed {
  std::string what{};
  std::string instructions{};
  std::uint64_t bytes = 0;
  double gigabytes_per_second_min = 0;
  double gigabytes_per_second_median = 0;
  double gigabytes_per_second_max = 0;
  double to_memcpy = 0;  // medians
  double to_scalar = 0;
};
EVERSTEP_FIELDS(KernelSpeed, what, instructions, bytes, gigabytes_per_second_min, gigabytes_per_second_median,
                gigabytes_per_second_max, to_memcpy, to_scalar)

namespace {

constexpr std::uint64_t kDram = 64u << 20, kCache = 128u << 10;
constexpr Duration kRound = 100ms;

struct Variant {
  KernelSpeed speed{};
  std::function<void()> run{};
  std::vector<double> rates{};
};

struct Buffers {
  std::vector<std::byte> into{}, from{};
  explicit Buffers(std::uint64_t bytes) : into(bytes), from(bytes) {}
};

void Add(std::vector<Variant>& variants, Buffers& buffers, std::optional<DataType> type, InstructionSet set) {
  const std::uint64_t bytes = buffers.into.size();
  Variant variant;
  variant.speed = {.what = type ? std::string(NcclName(*type)) : "memcpy",
                   .instructions = type ? std::string(Name(set)) : "",
                   .bytes = bytes,
                   .gigabytes_per_second_min = 0,
                   .gigabytes_per_second_median = 0,
                   .gigabytes_per_second_max = 0,
                   .to_memcpy = 0,
                   .to_scalar = 0};
  void* into = buffers.into.data();
  const void* from = buffers.from.data();
  if (type) {
    const ReduceKernel kernel = ReduceKernelFor(*type, ReduceOperation::sum, set);
    variant.run = [kernel, into, from, count = bytes / SizeOf(*type)] { kernel(into, from, count); };
  } else {
    variant.run = [into, from, bytes] { std::memcpy(into, from, bytes); };
  }
  variants.push_back(std::move(variant));
}

void Measure(Clock& clock, Variant& variant) {
  variant.run();  // the caches hold what they will hold
  const Time start = clock.Now();
  std::uint64_t runs = 0;
  Time now = start;
  for (; now - start < kRound; now = clock.Now(), ++runs) variant.run();
  variant.rates.push_back(static_cast<double>(runs * variant.speed.bytes) / Seconds(now - start) / 1e9);
}

std::vector<KernelSpeed> Summary(std::vector<Variant> variants) {
  std::vector<KernelSpeed> all;
  for (Variant& variant : variants) {
    std::sort(variant.rates.begin(), variant.rates.end());
    variant.speed.gigabytes_per_second_min = variant.rates.front();
    variant.speed.gigabytes_per_second_median = variant.rates[variant.rates.size() / 2];
    variant.speed.gigabytes_per_second_max = variant.rates.back();
    all.push_back(variant.speed);
  }
  for (KernelSpeed& one : all)
    for (const KernelSpeed& other : all) {
      if (other.bytes != one.bytes) continue;
      const double ratio = one.gigabytes_per_second_median / other.gigabytes_per_second_median;
      if (other.what == "memcpy") one.to_memcpy = ratio;
      if (other.what == one.what && other.instructions == "scalar") one.to_scalar = ratio;
    }
  return all;
}

void Print(const std::vector<KernelSpeed>& all) {
  std::printf("%-10s %-8s %10s  %6s %6s %6s  %9s %9s\n", "type", "set", "bytes", "min", "median", "max", "to memcpy",
              "to scalar");
  for (const KernelSpeed& one : all)
    std::printf("%-10s %-8s %10llu  %6.2f %6.2f %6.2f  %9.2f %9.2f\n", one.what.c_str(), one.instructions.c_str(),
                static_cast<unsigned long long>(one.bytes), one.gigabytes_per_second_min, one.gigabytes_per_second_median,
                one.gigabytes_per_second_max, one.to_memcpy, one.to_scalar);
}

int Run(const std::vector<std::string>& arguments) {
  bool json = false;
  std::uint64_t rounds = 5;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string value = i + 1 < arguments.size() ? arguments[i + 1] : "";
    if (arguments[i] == "-o" && (value == "json" || value == "table")) {
      json = arguments[++i] == "json";
    } else if (const auto number = ParseUnsigned(value); arguments[i] == "--rounds" && number && *number > 0) {
      rounds = *number;
      ++i;
    } else {
      std::fprintf(stderr, "bench_reduce: unknown argument '%s': [-o table|json] [--rounds N]\n", arguments[i].c_str());
      return 2;
    }
  }
  Buffers dram(kDram), cache(kCache);
  std::vector<Variant> variants;
  for (Buffers* buffers : {&dram, &cache}) {
    Add(variants, *buffers, std::nullopt, InstructionSet::scalar);
    for (std::size_t type = 0; type < NamesOf(DataType{}).size(); ++type)
      for (std::size_t set = 0; set <= static_cast<std::size_t>(BestInstructionSet()); ++set)
        Add(variants, *buffers, static_cast<DataType>(type), static_cast<InstructionSet>(set));
  }
  RealClock clock;
  for (std::uint64_t round = 0; round < rounds; ++round)
    for (Variant& variant : variants) Measure(clock, variant);
  const std::vector<KernelSpeed> all = Summary(std::move(variants));
  if (json) {
    std::printf("%s\n", ToJson(all).c_str());
  } else {
    Print(all);
  }
  return 0;
}

}  // namespace
}  // namespace everstep

int main(int argc, char** argv) { return everstep::Run({argv + 1, argv + argc}); }
