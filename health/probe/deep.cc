#include "health/probe/deep.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <barrier>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <span>
#include <thread>

#include "base/real/clock.h"
#include "base/text.h"
#include "health/probe/deep_work.h"

namespace everstep::health {

namespace {

constexpr std::size_t kPassesMin = 3, kRunsMin = 2;
constexpr std::uint64_t kBlockWords = (16ull << 20) / sizeof(std::uint64_t);
constexpr Duration kLeastPass = 50ms;  // less time than this is left: no other pass is begun

Time DeepNow() { return RealClock().Now(); }

std::vector<int> AllowedCpus() {
  constexpr int kCpusMax = 8192;
  std::vector<int> cpus;
  cpu_set_t* set = CPU_ALLOC(kCpusMax);
  const std::size_t size = CPU_ALLOC_SIZE(kCpusMax);
  if (::sched_getaffinity(0, size, set) == 0)
    for (int cpu = 0; cpu < kCpusMax; ++cpu)
      if (CPU_ISSET_S(static_cast<std::size_t>(cpu), size, set)) cpus.push_back(cpu);
  CPU_FREE(set);
  if (cpus.empty()) cpus.push_back(0);
  return cpus;
}

std::vector<int> CpusFor(const DeepAsked& asked) {
  const std::vector<int> allowed = AllowedCpus();
  if (!asked.cores) return allowed;
  std::vector<int> cpus;
  for (unsigned i = 0; i < std::max(1u, *asked.cores); ++i) cpus.push_back(allowed[i % allowed.size()]);
  return cpus;
}

// A thread on each CPU, to their ends.
void OnEachCpu(const std::vector<int>& cpus, const std::function<void(std::size_t)>& work) {
  constexpr int kCpusMax = 8192;
  std::vector<std::jthread> threads;
  for (std::size_t core = 0; core < cpus.size(); ++core)
    threads.emplace_back([&, core] {
      cpu_set_t* set = CPU_ALLOC(kCpusMax);
      const std::size_t size = CPU_ALLOC_SIZE(kCpusMax);
      CPU_ZERO_S(size, set);
      CPU_SET_S(static_cast<std::size_t>(cpus[core]), size, set);
      ::pthread_setaffinity_np(::pthread_self(), size, set);  // without it the work is the same, on whichever core
      CPU_FREE(set);
      work(core);
    });
}

// What follows "NAME:" in a file of lines.
std::optional<std::string> LineOf(std::string_view text, std::string_view name) {
  for (const std::string& line : Split(text, '\n')) {
    const std::size_t colon = line.find(':');
    if (colon != std::string::npos && Trim(line.substr(0, colon)) == name)
      return std::string(Trim(std::string_view(line).substr(colon + 1)));
  }
  return std::nullopt;
}

std::string CpuModel(const Root& root) {
  const auto text = root.Read("/proc/cpuinfo");
  if (!text) return "CPU";
  if (const auto name = LineOf(*text, "model name")) return Clip(Printable(*name), 100);
  const auto maker = LineOf(*text, "CPU implementer"), part = LineOf(*text, "CPU part");  // as ARM tells it
  return maker && part ? Cat("CPU ", Clip(Printable(*maker), 20), " part ", Clip(Printable(*part), 20)) : std::string("CPU");
}

std::uint64_t FreeBytes(const Root& root) {
  const auto text = root.Read("/proc/meminfo");
  const auto line = text ? LineOf(*text, "MemAvailable") : std::nullopt;
  const auto kib = line ? ParseUnsigned(line->substr(0, line->find(' '))) : std::nullopt;
  return kib.value_or(0) * 1024;
}

// The lowest memory.max of this process's cgroup and those above it: what is beyond it is killed, not refused.
std::uint64_t CgroupBytes(const Root& root) {
  std::uint64_t lowest = UINT64_MAX;
  const auto text = root.Read("/proc/self/cgroup");
  for (const std::string& line : Split(text.value_or(""), '\n')) {
    if (!line.starts_with("0::/")) continue;
    for (std::string path = line.substr(3); path.size() > 1; path = path.substr(0, path.rfind('/')))
      if (const auto most = root.Read(Cat("/sys/fs/cgroup", path, "/memory.max")))
        lowest = std::min(lowest, ParseUnsigned(*most).value_or(UINT64_MAX));
  }
  return lowest;
}

// All last-level caches together: one for each group of CPUs that share it.
std::uint64_t CacheBytes(const Root& root) {
  constexpr std::string_view kCpuFolder = "/sys/devices/system/cpu";
  std::map<std::string, std::uint64_t> caches;  // by who shares it
  const auto names = root.List(kCpuFolder);
  for (const std::string& name : names ? *names : std::vector<std::string>()) {
    if (!name.starts_with("cpu") || !ParseUnsigned(std::string_view(name).substr(3))) continue;
    const std::string last = Cat(kCpuFolder, '/', name, "/cache/index3/");
    const auto size = root.Read(last + "size"), shared = root.Read(last + "shared_cpu_list");
    if (size && shared && size->ends_with("K"))
      caches[*shared] = ParseUnsigned(size->substr(0, size->size() - 1)).value_or(0) * 1024;
  }
  std::uint64_t sum = 0;
  for (const auto& [shared, bytes] : caches) sum += bytes;
  return sum;
}

// Of one copy after the other, by all cores at once. Turned by the barrier that the cores meet at: no lock is needed.
struct CopyPasses {
  Time until{};
  std::uint64_t moved = 0;  // read and written by a pass
  std::optional<Time> began{};
  std::vector<double> rates{};
  bool go = true;

  void Turn(Time now) {
    if (began) rates.push_back(static_cast<double>(moved) / std::max(1e-9, Seconds(now - *began)));
    began = now;
    go = rates.size() < kPassesMin || now < until;
  }
};

DeepBandwidth MeasureBandwidth(const std::vector<int>& cpus, std::uint64_t bytes, Duration time) {
  const std::size_t each = static_cast<std::size_t>(bytes / 2 / cpus.size());
  CopyPasses passes{.until = DeepNow() + time, .moved = 2 * each * cpus.size()};
  passes.rates.reserve(1u << 16);
  std::barrier meet(static_cast<std::ptrdiff_t>(cpus.size()), [&passes]() noexcept { passes.Turn(DeepNow()); });
  std::vector<unsigned char> last(cpus.size());  // who reads what was copied keeps the copy from being left out
  OnEachCpu(cpus, [&](std::size_t core) {
    std::vector<unsigned char> from(each, static_cast<unsigned char>(core + 1)), to(each);  // touched here: memory of this node
    for (meet.arrive_and_wait(); passes.go; meet.arrive_and_wait()) {
      std::memcpy(to.data(), from.data(), each);
      last[core] = to[each - 1];
    }
  });
  return {.bytes = each * cpus.size(), .passes = passes.rates, .cores = cpus.size()};
}

std::vector<CoreSums> CompareCores(const std::vector<int>& cpus, Duration time, const std::optional<Tamper>& tamper) {
  std::vector<CoreSums> cores(cpus.size());
  const Time until = DeepNow() + time;
  OnEachCpu(cpus, [&](std::size_t core) {
    CoreSums& mine = cores[core];
    mine.cpu = cpus[core];
    while (mine.sums.size() < kRunsMin || DeepNow() < until) {
      const bool flips = tamper && tamper->at == TamperAt::compute && tamper->core == core && mine.sums.empty();
      mine.sums.push_back(ComputeSum(kDeepSeed, kDeepRounds, flips ? std::optional(tamper->bit) : std::nullopt));
    }
  });
  return cores;
}

struct StressAsked {
  Time until{};
  std::uint64_t expected = 0;
  std::uint64_t bytes = 0;  // of memory, for this core
  std::uint64_t keep = 0;   // so much stays free for others, whoever takes it
  std::optional<Tamper> tamper{};
};

// One core's part. Half of what time there is goes into writing, so that all of it is read back.
class CoreStress {
 public:
  CoreStress(const Root& root, StressAsked asked) : root_(root), asked_(asked) {}

  DeepStress Run() {
    for (std::uint64_t pass = 0; pass == 0 || DeepNow() + kLeastPass < asked_.until; ++pass) {
      const std::size_t written = Write(pass);
      const bool flips = pass == 0 && Tampers(TamperAt::stress);
      const std::uint64_t sum = ComputeSum(kDeepSeed, kDeepRounds, flips ? std::optional(asked_.tamper->bit) : std::nullopt);
      ++seen_.runs;
      seen_.wrong_runs += sum != asked_.expected;
      if (pass == 0 && Tampers(TamperAt::memory) && written > 0) blocks_[0][1] ^= std::uint64_t{1} << (asked_.tamper->bit % 64);
      for (std::size_t i = 0; i < written; ++i) seen_.wrong_words += WrongWords(Words(i), pass);
      seen_.words += written * kBlockWords;
    }
    seen_.bytes = blocks_.size() * kBlockWords * sizeof(std::uint64_t);
    return seen_;
  }

 private:
  bool Tampers(TamperAt at) const { return asked_.tamper && asked_.tamper->at == at; }
  std::span<std::uint64_t> Words(std::size_t block) { return {blocks_[block].get(), kBlockWords}; }

  // A further block of memory, if it may be had.
  bool Grow() {
    const std::uint64_t size = kBlockWords * sizeof(std::uint64_t);
    if ((blocks_.size() + 1) * size > asked_.bytes || FreeBytes(root_) < asked_.keep + size) return false;
    std::unique_ptr<std::uint64_t[]> block(new (std::nothrow) std::uint64_t[kBlockWords]);
    if (block) blocks_.push_back(std::move(block));
    return !blocks_.empty() && blocks_.back() != nullptr;
  }

  // How many blocks hold the pattern of this pass.
  std::size_t Write(std::uint64_t pass) {
    const Time start = DeepNow(), half = start + (asked_.until - start) / 2;
    std::size_t written = 0;
    while ((written == 0 || DeepNow() < half) && (written < blocks_.size() || Grow())) WritePattern(Words(written++), pass);
    return written;
  }

  const Root& root_;
  StressAsked asked_;
  std::vector<std::unique_ptr<std::uint64_t[]>> blocks_{};
  DeepStress seen_{};
};

DeepStress Stress(const Root& root, const std::vector<int>& cpus, const DeepAsked& asked, std::uint64_t bytes,
                  std::uint64_t expected) {
  const Time until = DeepNow() + DeepPlanOf(asked.time).stress;
  const std::uint64_t keep = FreeBytes(root) / 2;
  std::vector<DeepStress> parts(cpus.size());
  OnEachCpu(cpus, [&](std::size_t core) {
    StressAsked mine{.until = until, .expected = expected, .bytes = bytes / cpus.size(), .keep = keep};
    if (asked.tamper && asked.tamper->core == core) mine.tamper = asked.tamper;
    parts[core] = CoreStress(root, mine).Run();
  });
  DeepStress all;
  for (std::size_t core = 0; core < parts.size(); ++core) {
    const DeepStress& part = parts[core];
    all.runs += part.runs;
    all.wrong_runs += part.wrong_runs;
    all.words += part.words;
    all.wrong_words += part.wrong_words;
    all.bytes += part.bytes;
    if (part.wrong_runs + part.wrong_words > 0) all.wrong_cpus.push_back(cpus[core]);
  }
  return all;
}

// Which result had how many runs, the most first, and where.
std::string Parted(const std::vector<CoreSums>& cores) {
  std::map<std::uint64_t, std::map<int, std::size_t>> where;
  std::size_t runs = 0;
  for (const CoreSums& core : cores)
    for (const std::uint64_t sum : core.sums) {
      ++where[sum][core.cpu];
      ++runs;
    }
  std::vector<std::pair<std::size_t, std::string>> parts;
  for (const auto& [sum, cpus] : where) {
    std::size_t count = 0;
    std::vector<std::string> names;
    for (const auto& [cpu, times] : cpus) {
      count += times;
      names.push_back(Cat("CPU ", cpu));
    }
    parts.push_back({count, Cat(count, " of ", runs, " runs gave ", SumText(sum), ", on ", Join(names, ", ", " and "))});
  }
  std::stable_sort(parts.begin(), parts.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<std::string> texts;
  for (const auto& [count, text] : parts) texts.push_back(text);
  return Clip(Join(texts, "; "), 400);
}

}  // namespace

std::string SumText(std::uint64_t word) {
  std::string text;
  for (int shift = 60; shift >= 0; shift -= 4) text += "0123456789abcdef"[(word >> shift) & 15];
  return text;
}

DeepPlan DeepPlanOf(Duration time) {
  constexpr Duration kMost = 2s;
  const Duration quarter = std::min(time / 4, kMost);
  return {.bandwidth = quarter, .compute = quarter, .stress = time - 2 * quarter};
}

Duration DeepDeadline(Duration time) { return 2 * time + 10s; }

std::uint64_t MostCommonSum(const std::vector<CoreSums>& cores) {
  std::map<std::uint64_t, std::size_t> votes;
  for (const CoreSums& core : cores)
    for (const std::uint64_t sum : core.sums) ++votes[sum];
  const auto most =
      std::max_element(votes.begin(), votes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == votes.end() ? 0 : most->first;
}

Reading BandwidthReading(const DeepBandwidth& measured) {
  const auto [slowest, best] = std::minmax_element(measured.passes.begin(), measured.passes.end());
  return {.check = "deep.bandwidth",
          .number = *best,
          .evidence = Cat("the best of ", measured.passes.size(), " copies of ",
                          ShowNumber(static_cast<double>(measured.bytes), Unit::bytes), " by ", Count(measured.cores, "core"),
                          ": ", ShowNumber(*best, Unit::bytes), " read and written a second, the slowest ",
                          ShowNumber(*slowest, Unit::bytes))};
}

Reading ComputeReading(const std::string& model, const std::vector<CoreSums>& cores) {
  std::size_t runs = 0;
  bool same = true;
  const std::uint64_t most = MostCommonSum(cores);
  for (const CoreSums& core : cores) {
    runs += core.sums.size();
    same = same && std::all_of(core.sums.begin(), core.sums.end(), [most](std::uint64_t sum) { return sum == most; });
  }
  return {.check = "deep.compute",
          .scope = model,
          .word = same ? SumText(most) : std::string("differs"),
          .evidence = same ? Cat("the same in ", Count(runs, "run"), " on ", Count(cores.size(), "core")) : Parted(cores)};
}

Reading StressReading(const DeepStress& seen) {
  std::vector<std::string> cpus;
  for (const int cpu : seen.wrong_cpus) cpus.push_back(Cat("CPU ", cpu));
  return {.check = "deep.stress",
          .number = static_cast<double>(seen.wrong_runs + seen.wrong_words),
          .evidence = Cat(seen.wrong_runs, " of ", Count(seen.runs, "run"), " and ", seen.wrong_words, " of ", seen.words,
                          " words through ", ShowNumber(static_cast<double>(seen.bytes), Unit::bytes), " of memory were wrong",
                          cpus.empty() ? "" : Cat(", on ", Clip(Join(cpus, ", ", " and "), 200)))};
}

void ProbeDeep(const Root& root, const DeepAsked& asked, Sink& sink) {
  if (!root.live()) {
    for (const char* check : {"deep.bandwidth", "deep.compute", "deep.stress"})
      sink.Unread(check, "", "a recorded tree has no cores and no memory");
    return;
  }
  const std::vector<int> cpus = CpusFor(asked);
  const DeepPlan plan = DeepPlanOf(asked.time);
  const std::uint64_t quarter = std::min(FreeBytes(root), CgroupBytes(root)) / 4;
  const std::uint64_t most = asked.bytes_max.value_or(quarter), caches = CacheBytes(root);
  const std::uint64_t wanted = asked.bytes_max.value_or(std::max(2 * kBandwidthBytesMin, 4 * caches));
  if (wanted > most) {
    sink.Unread("deep.bandwidth", "",
                Cat("it takes ", ShowNumber(static_cast<double>(wanted), Unit::bytes), " to be beyond the caches, and ",
                    ShowNumber(static_cast<double>(most), Unit::bytes), " may be had: a quarter of what is free"));
  } else {
    sink.Waiting("copies of memory");
    sink.Take(BandwidthReading(MeasureBandwidth(cpus, wanted, plan.bandwidth)));
  }
  sink.Waiting("the same arithmetic on all cores");
  const std::vector<CoreSums> cores = CompareCores(cpus, plan.compute, asked.tamper);
  sink.Take(ComputeReading(CpuModel(root), cores));
  sink.Waiting("the stress of cores and memory");
  sink.Take(StressReading(Stress(root, cpus, asked, most, MostCommonSum(cores))));
}

}  // namespace everstep::health
