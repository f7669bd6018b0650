#include "health/probe/gpu_deep.h"

#include <algorithm>
#include <array>
#include <map>
#include <thread>

#include "base/real/clock.h"
#include "base/text.h"
#include "health/probe/cuda_driver.h"
#include "health/probe/deep.h"
#include "health/probe/gpu_work.h"
#include "health/probe/probes.h"

namespace everstep::health {

namespace {

using cuda::Address;
using cuda::Answer;
using cuda::Driver;

constexpr std::array<const char*, 4> kChecks = {"deep.gpu_bandwidth", "deep.gpu_link", "deep.gpu_compute", "deep.gpu_stress"};
// Alike on every GPU of whatever size: sums are compared across hosts.
constexpr unsigned kBlocks = 2048, kThreads = 256, kRounds = 10'000;  // about 20 ms of an H200
constexpr unsigned kNoFlip = 64;
constexpr std::size_t kPassesMin = 3, kRunsMin = 2;
constexpr std::uint64_t kCopyBytes = 1ull << 30, kLinkBytes = 256ull << 20, kWord = 8;

Time GpuNow() { return RealClock().Now(); }

// One GPU, by one thread. Each step throws nothing: the first refusal of the driver is kept, and ends the rest.
class GpuWorker {
 public:
  GpuWorker(const Driver& driver, const GpuDeepAsked& asked, unsigned index) : driver_(driver), asked_(asked), index_(index) {
    gpu_.name = Cat("GPU ", index);
  }

  GpuDeep Run() {
    const DeepPlan plan = DeepPlanOf(asked_.time);
    if (Open() && Reserve() && Copies(plan.bandwidth) && Links(plan.bandwidth / 2) && Sums(plan.compute)) Stress(plan.stress);
    return gpu_;
  }

 private:
  bool Did(Answer answer, const char* called) {
    if (answer == cuda::kSuccess) return true;
    const char* text = nullptr;
    (void)driver_.error_string(answer, &text);
    gpu_.failed = Cat(called, ": ", text ? text : Cat("answer ", answer).c_str());
    gpu_.faulted = cuda::IsFault(answer);
    return false;
  }

  bool Open() {
    cuda::Device device = 0;
    cuda::Context context = nullptr;
    cuda::Module module = nullptr;
    std::array<char, 100> text{};
    if (!Did(driver_.device(&device, static_cast<int>(index_)), "cuDeviceGet") ||
        !Did(driver_.name(text.data(), static_cast<int>(text.size()) - 1, device), "cuDeviceGetName"))
      return false;
    gpu_.model = Printable(text.data());
    if (driver_.bus_id(text.data(), static_cast<int>(text.size()) - 1, device) == cuda::kSuccess) {
      const std::string bus = text.data();
      gpu_.name += Cat(" at ", Printable(bus.substr(0, bus.find('.'))));
    }
    return Did(driver_.retain(&context, device), "cuDevicePrimaryCtxRetain") && Did(driver_.use(context), "cuCtxSetCurrent") &&
           Did(driver_.load(&module, GpuWork()), "cuModuleLoadData") &&
           Did(driver_.function(&compute_, module, "everstep_compute"), "cuModuleGetFunction") &&
           Did(driver_.function(&fill_, module, "everstep_fill"), "cuModuleGetFunction") &&
           Did(driver_.function(&verify_, module, "everstep_verify"), "cuModuleGetFunction") &&
           Did(driver_.stream(&stream_, 1), "cuStreamCreate") &&
           Did(driver_.event(&from_, cuda::kWaitsAsleep), "cuEventCreate") &&
           Did(driver_.event(&to_, cuda::kWaitsAsleep), "cuEventCreate");
  }

  bool Reserve() {
    std::size_t free = 0, total = 0;
    if (!Did(driver_.memory(&free, &total), "cuMemGetInfo")) return false;
    bytes_ = std::min<std::uint64_t>(asked_.bytes_max.value_or(free / 2), free) / (2 * kWord) * (2 * kWord);
    return Did(driver_.allocate(&counts_, 2 * kWord), "cuMemAlloc") && Did(driver_.allocate(&memory_, bytes_), "cuMemAlloc");
  }

  // One piece of work's seconds, as the GPU has measured them.
  template <class Work>
  std::optional<double> Seconds(const Work& work) {
    float milliseconds = 0;
    if (!Did(driver_.record(from_, stream_), "cuEventRecord") || !work() ||
        !Did(driver_.record(to_, stream_), "cuEventRecord") || !Did(driver_.wait(to_), "cuEventSynchronize") ||
        !Did(driver_.elapsed(&milliseconds, from_, to_), "cuEventElapsedTime"))
      return std::nullopt;
    return std::max(1e-9, static_cast<double>(milliseconds) / 1e3);
  }

  template <class Work>
  bool Passes(Duration time, std::uint64_t moved, std::vector<double>& rates, const Work& work) {
    const Time until = GpuNow() + time;
    if (!Seconds(work)) return false;  // the first touches the memory, and wakes the clocks
    while (rates.size() < kPassesMin || GpuNow() < until) {
      const auto seconds = Seconds(work);
      if (!seconds) return false;
      rates.push_back(static_cast<double>(moved) / *seconds);
    }
    return true;
  }

  bool Copies(Duration time) {
    const std::uint64_t each = std::min(kCopyBytes, bytes_ / 2);
    return Passes(time, 2 * each, gpu_.copies,
                  [&] { return Did(driver_.copy(memory_ + each, memory_, each, stream_), "cuMemcpyDtoDAsync"); });
  }

  bool Links(Duration time_of_each) {
    const std::uint64_t each = std::min(kLinkBytes, bytes_);
    void* host = nullptr;
    if (!Did(driver_.pinned(&host, each), "cuMemAllocHost")) return false;
    return Passes(time_of_each, each, gpu_.to_device,
                  [&] { return Did(driver_.to_device(memory_, host, each, stream_), "cuMemcpyHtoDAsync"); }) &&
           Passes(time_of_each, each, gpu_.to_host,
                  [&] { return Did(driver_.to_host(host, memory_, each, stream_), "cuMemcpyDtoHAsync"); });
  }

  bool Launch(cuda::Function function, std::vector<void*> parameters) {
    return Did(driver_.launch(function, kBlocks, 1, 1, kThreads, 1, 1, 0, stream_, parameters.data(), nullptr),
               "cuLaunchKernel");
  }

  // Both counts on the device, read once all work before has ended.
  std::optional<std::uint64_t> Count(Address at) {
    std::uint64_t count = 0;
    if (!Did(driver_.to_host(&count, at, kWord, stream_), "cuMemcpyDtoHAsync") ||
        !Did(driver_.record(to_, stream_), "cuEventRecord") || !Did(driver_.wait(to_), "cuEventSynchronize"))
      return std::nullopt;
    return count;
  }

  std::optional<std::uint64_t> Sum(unsigned flip) {
    unsigned rounds = kRounds;
    Address sum = counts_;
    if (!Did(driver_.clear(counts_, 0, kWord, stream_), "cuMemsetD8Async") || !Launch(compute_, {&sum, &rounds, &flip}))
      return std::nullopt;
    return Count(counts_);
  }

  bool Sums(Duration time) {
    const Time until = GpuNow() + time;
    while (gpu_.sums.size() < kRunsMin || GpuNow() < until) {
      const bool flips = asked_.tamper && asked_.tamper->gpu == index_ && gpu_.sums.empty();
      const auto sum = Sum(flips ? asked_.tamper->bit : kNoFlip);
      if (!sum) return false;
      gpu_.sums.push_back(*sum);
    }
    return true;
  }

  bool Pattern(cuda::Function function, std::uint64_t pass, Address* wrong) {
    std::uint64_t words = bytes_ / kWord, seed = kDeepSeedOfGpu + pass / 2, inverted = pass % 2 ? ~std::uint64_t{0} : 0;
    std::vector<void*> parameters{&memory_, &words, &seed, &inverted};
    if (wrong) parameters.push_back(wrong);
    return Launch(function, std::move(parameters));
  }

  // Between writing a pattern and reading it back, the arithmetic: a memory that forgets has time to.
  void Stress(Duration time) {
    const Time until = GpuNow() + time;
    Address wrong = counts_ + kWord;
    gpu_.bytes = bytes_;
    for (std::uint64_t pass = 0; pass == 0 || GpuNow() < until; ++pass) {
      if (!Did(driver_.clear(wrong, 0, kWord, stream_), "cuMemsetD8Async") || !Pattern(fill_, pass, nullptr)) return;
      const auto sum = Sum(kNoFlip);
      if (!sum || !Pattern(verify_, pass, &wrong)) return;
      const auto words = Count(wrong);
      if (!words) return;
      ++gpu_.runs;
      gpu_.wrong_runs += *sum != gpu_.sums.back();
      gpu_.words += bytes_ / kWord;
      gpu_.wrong_words += *words;
    }
  }

  static constexpr std::uint64_t kDeepSeedOfGpu = 0x9e3779b97f4a7c15;
  const Driver& driver_;
  const GpuDeepAsked& asked_;
  unsigned index_;
  GpuDeep gpu_{};
  cuda::Function compute_ = nullptr, fill_ = nullptr, verify_ = nullptr;
  cuda::Stream stream_ = nullptr;
  cuda::Event from_ = nullptr, to_ = nullptr;
  Address counts_ = 0, memory_ = 0;
  std::uint64_t bytes_ = 0;
};

double Best(const std::vector<double>& rates) { return rates.empty() ? 0 : *std::max_element(rates.begin(), rates.end()); }

std::string Rate(double bytes_a_second) { return Cat(ShowNumber(bytes_a_second, Unit::bytes), "/s"); }

// The slowest of the GPUs' best, and whose it was.
template <class Of>
void TellSlowest(const char* check, const std::vector<GpuDeep>& gpus, const char* what, const Of& of, Sink& sink) {
  const auto slowest =
      std::min_element(gpus.begin(), gpus.end(), [&](const GpuDeep& a, const GpuDeep& b) { return of(a) < of(b); });
  if (of(*slowest) <= 0) return sink.Unread(check, "", Cat(slowest->name, ": ", slowest->failed));
  double best = 0;
  for (const GpuDeep& gpu : gpus) best = std::max(best, of(gpu));
  sink.Number(check, "", of(*slowest),
              Cat(what, ": ", Rate(of(*slowest)), " on ", slowest->name,
                  gpus.size() > 1 ? Cat(", the slowest of ", gpus.size(), "; the fastest ", Rate(best)) : std::string()));
}

// By model: which sum had how many runs, the most first, and where.
void TellSums(const std::vector<GpuDeep>& gpus, Sink& sink) {
  std::map<std::string, std::map<std::uint64_t, std::map<std::string, std::size_t>>> models;
  for (const GpuDeep& gpu : gpus)
    for (const std::uint64_t sum : gpu.sums) ++models[gpu.model][sum][gpu.name];
  for (const auto& [model, sums] : models) {
    std::vector<std::pair<std::size_t, std::string>> parts;
    for (const auto& [sum, where] : sums) {
      std::size_t runs = 0;
      std::vector<std::string> names;
      for (const auto& [name, times] : where) {
        runs += times;
        names.push_back(name);
      }
      parts.push_back({runs, Cat(Count(runs, "run"), " gave ", SumText(sum), ", on ", Join(names, ", ", " and "))});
    }
    std::stable_sort(parts.begin(), parts.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    std::vector<std::string> texts;
    for (const auto& [runs, text] : parts) texts.push_back(text);
    sink.Word("deep.gpu_compute", model, sums.size() == 1 ? SumText(sums.begin()->first) : std::string("differs"),
              Clip(Join(texts, "; "), 400));
  }
}

}  // namespace

void TellGpuDeep(const std::vector<GpuDeep>& gpus, Sink& sink) {
  if (gpus.empty()) {
    for (const char* check : kChecks) sink.Absent(check, "there is no NVIDIA GPU");
    return;
  }
  TellSlowest(
      "deep.gpu_bandwidth", gpus, "copies inside its memory", [](const GpuDeep& gpu) { return Best(gpu.copies); }, sink);
  TellSlowest(
      "deep.gpu_link", gpus, "the slower way between it and the host",
      [](const GpuDeep& gpu) { return std::min(Best(gpu.to_device), Best(gpu.to_host)); }, sink);
  TellSums(gpus, sink);
  for (const GpuDeep& gpu : gpus) {
    if (gpu.sums.empty()) sink.Unread("deep.gpu_compute", gpu.name, gpu.failed);
    if (gpu.runs == 0 && !gpu.faulted) {
      sink.Unread("deep.gpu_stress", gpu.name, gpu.failed);
      continue;
    }
    const std::string failed = gpu.failed.empty() ? "" : Cat("; then ", gpu.failed);
    sink.Number(
        "deep.gpu_stress", gpu.name, static_cast<double>(gpu.wrong_runs + gpu.wrong_words + !gpu.failed.empty()),
        Cat(gpu.wrong_runs, " of ", Count(gpu.runs, "run"), " and ", gpu.wrong_words, " of ", gpu.words, " words through ",
            ShowNumber(static_cast<double>(gpu.bytes), Unit::bytes), " of its memory were wrong", failed));
  }
}

void ProbeGpuDeep(const Root& root, const GpuDeepAsked& asked, Sink& sink) {
  const auto none = [&](const std::string& why) {
    for (const char* check : kChecks) sink.Unread(check, "", why);
  };
  std::size_t on_bus = 0;  // 0: a library is named, whose GPUs need not be here
  if (asked.library.empty()) {
    if (!root.live()) return none("a recorded tree has no GPU that computes");
    const auto devices = PciDevices(root);
    on_bus = devices ? static_cast<std::size_t>(std::count_if(devices->begin(), devices->end(), IsNvidiaGpu)) : 0;
    if (on_bus == 0) return TellGpuDeep({}, sink);
  }
  sink.Waiting("the dynamic loader, for libcuda.so.1");
  const auto driver = cuda::Load(asked.library);
  if (!driver) return none(driver.error().message);
  sink.Waiting("cuInit()");
  int count = 0;
  Answer answer = driver->init(0);
  if (answer == cuda::kSuccess) answer = driver->count(&count);
  if (answer != cuda::kSuccess) {
    const char* text = nullptr;
    (void)driver->error_string(answer, &text);
    return none(Cat("cuInit(): ", text ? text : "no reason is given"));
  }
  if (on_bus > 0 && count == 0) return none(Cat(Count(on_bus, "NVIDIA GPU"), " on the bus, and the CUDA driver shows none"));
  sink.Waiting("the work of the GPUs");
  std::vector<GpuDeep> gpus(static_cast<std::size_t>(std::max(0, count)));
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < gpus.size(); ++i) threads.emplace_back([&, i] { gpus[i] = GpuWorker(*driver, asked, i).Run(); });
  }
  TellGpuDeep(gpus, sink);
  if (on_bus > gpus.size())
    for (const char* check : {"deep.gpu_compute", "deep.gpu_stress"})
      sink.Unread(check, "",
                  Cat("the CUDA driver shows ", gpus.size(), " of ", on_bus, " GPUs on the bus: the others were not tried"));
}

}  // namespace everstep::health
