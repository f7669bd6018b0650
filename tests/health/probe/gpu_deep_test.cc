// The deep look at GPUs, over a look-alike of the CUDA driver: healthy GPUs give no finding, each fault exactly its verdict,
// with the GPU that has it by name.
#include "health/probe/gpu_deep.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "health/catalogue/catalogue.h"
#include "health/probe/gpu_work.h"
#include "health/scan/scan.h"

namespace everstep::health {
namespace {

using Words = std::vector<std::string>;

ScanReport GpuScan(const std::string& fault, const std::string& library = EVERSTEP_FAKE_CUDA) {
  void* fake = ::dlopen(EVERSTEP_FAKE_CUDA, RTLD_NOW | RTLD_LOCAL);
  reinterpret_cast<void (*)(const char*)>(::dlsym(fake, "fake_cuda_fails"))(fault.c_str());
  const auto catalogue = LoadCatalogue("");
  const ScanOptions options{.cuda = library, .deep = {.time = 200ms}};
  std::vector<Probe> deep;
  for (Probe& probe : HostProbes(options, *catalogue, {}))
    if (probe.name == "deep look at GPUs") deep.push_back(std::move(probe));
  EXPECT_EQ(deep.size(), 1u);
  if (fault == "hang") deep[0].deadline = 3s;
  const ScanWorld world{.let_time_pass = [] {}, .now = [] { return Time(); }};
  ScanReport report = Judged(*catalogue, *ChooseProfile(*catalogue, {.wanted = "gpu"}), deep, world);
  std::erase_if(report.verdicts, [](const Verdict& verdict) { return !verdict.check.starts_with("deep.gpu_"); });
  return report;
}

// "fail deep.gpu_stress of GPU 0 at 0000:18:00"
Words Bad(const ScanReport& report) {
  Words bad;
  for (const Verdict& verdict : report.verdicts)
    if (verdict.state != State::ok)
      bad.push_back(Cat(Name(verdict.state), ' ', verdict.check, verdict.scope.empty() ? "" : " of ", verdict.scope));
  return bad;
}

const Verdict& Of(const ScanReport& report, const std::string& check) {
  for (const Verdict& verdict : report.verdicts)
    if (verdict.check == check) return verdict;
  static const Verdict kNone{.why = "it is not there"};
  return kNone;
}

TEST(GpuDeep, HealthyGpusGiveRatesAChecksumAndNoFinding) {
  const ScanReport report = GpuScan("gpus=2");
  EXPECT_EQ(Bad(report), Words{});
  ASSERT_EQ(report.verdicts.size(), 5u) << "two rates, a checksum, and the stress of each GPU";
  EXPECT_GT(Of(report, "deep.gpu_bandwidth").measured.value_or(0), 0);
  EXPECT_NE(Of(report, "deep.gpu_bandwidth").evidence.find(", the slowest of 2; the fastest "), std::string::npos);
  EXPECT_GT(Of(report, "deep.gpu_link").measured.value_or(0), 0);
  EXPECT_EQ(Of(report, "deep.gpu_compute").value, "123456789abcdef0");
  EXPECT_EQ(Of(report, "deep.gpu_compute").scope, "NVIDIA Look-alike");
  EXPECT_NE(Of(report, "deep.gpu_stress").evidence.find(" words through 32 MiB of its memory were wrong"), std::string::npos)
      << Of(report, "deep.gpu_stress").evidence;
}

TEST(GpuDeep, AGpuThatComputesSomethingElseOnceIsFoundAndNamed) {
  ScanReport report = GpuScan("gpus=2,wrong_sum=1");
  // Its third run may fall into the comparison or into the stress: both tell.
  const Words bad = Bad(report);
  ASSERT_EQ(bad.size(), 1u) << Join(bad, "; ");
  const bool compared = bad[0] == "fail deep.gpu_compute of NVIDIA Look-alike";
  if (compared) {
    EXPECT_NE(Of(report, "deep.gpu_compute").evidence.find("; 1 run gave 123456789abcdff0, on GPU 1 at 0000:19:00"),
              std::string::npos)
        << Of(report, "deep.gpu_compute").evidence;
  } else {
    EXPECT_EQ(bad[0], "fail deep.gpu_stress of GPU 1 at 0000:19:00");
  }
}

TEST(GpuDeep, MemoryThatForgetsABitFailsItsGpuAlone) {
  EXPECT_EQ(Bad(GpuScan("gpus=2,wrong_word=0")), Words{"fail deep.gpu_stress of GPU 0 at 0000:18:00"});
}

TEST(GpuDeep, AGpuWithoutFreeMemoryIsUnknownWithTheReason) {
  const ScanReport report = GpuScan("gpus=2,no_memory=1");
  EXPECT_EQ(Bad(report),
            (Words{"unknown deep.gpu_bandwidth", "unknown deep.gpu_link", "unknown deep.gpu_compute of GPU 1 at 0000:19:00",
                   "unknown deep.gpu_stress of GPU 1 at 0000:19:00"}));
  EXPECT_NE(Of(report, "deep.gpu_bandwidth").why.find("GPU 1 at 0000:19:00: cuMemAlloc: out of memory"), std::string::npos)
      << Of(report, "deep.gpu_bandwidth").why;
}

TEST(GpuDeep, AGpuThatBreaksUnderTheWorkFailsAndIsNotUnknown) {
  const ScanReport report = GpuScan("gpus=2,lost=1");
  EXPECT_EQ(Bad(report), Words{"fail deep.gpu_stress of GPU 1 at 0000:19:00"});
  const auto failed = std::find_if(report.verdicts.begin(), report.verdicts.end(),
                                   [](const Verdict& verdict) { return verdict.state == State::fail; });
  EXPECT_NE(failed->evidence.find("; then cuLaunchKernel: unspecified launch failure"), std::string::npos) << failed->evidence;
}

TEST(GpuDeep, WithoutADriverItIsUnknownAndADriverThatHangsIsToldWithWhatItWaitedFor) {
  const Words all{"unknown deep.gpu_bandwidth", "unknown deep.gpu_link", "unknown deep.gpu_compute", "unknown deep.gpu_stress"};
  const ScanReport none = GpuScan("init");
  EXPECT_EQ(Bad(none), all);
  EXPECT_NE(Of(none, "deep.gpu_link").why.find("cuInit(): no CUDA-capable device is detected"), std::string::npos);
  const ScanReport absent = GpuScan("", "/nowhere/libcuda.so.1");
  EXPECT_EQ(Bad(absent), all);
  EXPECT_NE(Of(absent, "deep.gpu_link").why.find("cannot load /nowhere/libcuda.so.1"), std::string::npos);
  const ScanReport hung = GpuScan("hang");
  EXPECT_EQ(Bad(hung).size(), 4u);
  EXPECT_NE(Of(hung, "deep.gpu_link").why.find("cuInit()"), std::string::npos) << Of(hung, "deep.gpu_link").why;
}

// ---- what is told of numbers that are known

class Told final : public Sink {
 public:
  explicit Told(const std::vector<GpuDeep>& gpus) { TellGpuDeep(gpus, *this); }
  void Take(Reading reading) override { all[Cat(reading.check, ' ', reading.scope)] = std::move(reading); }
  void Waiting(std::string) override {}
  std::map<std::string, Reading> all{};
};

GpuDeep Gpu(int index, const std::string& model = "H200") {
  return {.name = Cat("GPU ", index),
          .model = model,
          .copies = {90e9, 100e9},
          .to_device = {50e9},
          .to_host = {60e9},
          .sums = {7, 7},
          .runs = 3,
          .words = 300,
          .bytes = 1u << 20};
}

TEST(GpuDeepTold, TheSlowestGpusBestCountsAndOfItsTwoWaysTheSlower) {
  GpuDeep slow = Gpu(1);
  slow.copies = {95e9, 10e9};
  slow.to_host = {20e9, 30e9};
  const Told told({Gpu(0), slow, Gpu(2)});
  const Reading& memory = told.all.at("deep.gpu_bandwidth ");
  EXPECT_EQ(memory.number, 95e9) << "its best, below the best of the others";
  EXPECT_NE(memory.evidence.find(" on GPU 1, the slowest of 3; the fastest 93.1 GiB/s"), std::string::npos) << memory.evidence;
  EXPECT_EQ(told.all.at("deep.gpu_link ").number, 30e9);
  GpuDeep other = Gpu(0);
  other.to_device = {25e9};
  EXPECT_EQ(Told({other}).all.at("deep.gpu_link ").number, 25e9) << "whichever way it is";
}

TEST(GpuDeepTold, SumsAreComparedWithinAModelAndTheRareOneIsNamedLast) {
  GpuDeep odd = Gpu(1), other = Gpu(2, "A100");
  odd.sums = {7, 9};
  other.sums = {4, 4};
  const Told told({Gpu(0), odd, other});
  EXPECT_EQ(told.all.at("deep.gpu_compute H200").word, "differs");
  EXPECT_EQ(told.all.at("deep.gpu_compute H200").evidence,
            "3 runs gave 0000000000000007, on GPU 0 and GPU 1; 1 run gave 0000000000000009, on GPU 1");
  EXPECT_EQ(told.all.at("deep.gpu_compute A100").word, "0000000000000004") << "another model may compute something else";
}

TEST(GpuDeepTold, EachWrongRunAndWordCountsAndSoDoesAFault) {
  GpuDeep runs = Gpu(0), words = Gpu(1), fault = Gpu(2), refused = Gpu(3);
  runs.wrong_runs = 2;
  words.wrong_words = 3;
  fault.failed = "cuLaunchKernel: unspecified launch failure";
  fault.faulted = true;
  fault.runs = 0;
  refused.failed = "cuMemAlloc: out of memory";
  refused.runs = 0;
  const Told told({runs, words, fault, refused, Gpu(4)});
  EXPECT_EQ(told.all.at("deep.gpu_stress GPU 0").number, 2);
  EXPECT_EQ(told.all.at("deep.gpu_stress GPU 1").number, 3);
  EXPECT_EQ(told.all.at("deep.gpu_stress GPU 2").number, 1);
  EXPECT_EQ(told.all.at("deep.gpu_stress GPU 3").unread, "cuMemAlloc: out of memory");
  EXPECT_EQ(told.all.at("deep.gpu_stress GPU 4").number, 0);
}

TEST(GpuDeep, TheWorkIsTextThatTheDriverTakes) {
  const std::string work = GpuWork();
  EXPECT_NE(work.find("\n.version 7.0\n.target sm_80\n"), std::string::npos)
      << "nothing of it is lost on its way into the program";
  EXPECT_NE(work.find("@%again bra more;"), std::string::npos);
}

}  // namespace
}  // namespace everstep::health
