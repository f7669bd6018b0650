#include "tests/health/probe/sick_host.h"

#include <dlfcn.h>

#include <fstream>

#include "base/check.h"
#include "base/text.h"

namespace everstep::health {

namespace {

constexpr Duration kBetween = 61s;  // long enough for a sign of life that comes once a minute

// Probes run where they are, one after another: nothing hangs in a recorded tree.
class Here : public Sink {
 public:
  void Take(Reading reading) override { result.readings.push_back(std::move(reading)); }
  void Waiting(std::string) override {}
  ProbeResult result{};
};

std::vector<ProbeResult> RunHere(const std::vector<Probe>& probes) {
  std::vector<ProbeResult> results;
  for (const Probe& probe : probes) {
    Here sink;
    probe.run(sink);
    results.push_back(std::move(sink.result));
  }
  return results;
}

// As the kernel numbers and stamps them.
std::string Records(const std::string& lines) {
  constexpr std::int64_t kHourBefore = (86400 - 3600 + 60) * std::int64_t{1'000'000};
  std::string records;
  int number = 17;
  for (const std::string& line : Split(lines, '\n'))
    if (!line.empty()) records += Cat("3,", number++, ',', kHourBefore, ",-;", line, '\n');
  return records;
}

const Catalogue& LabCatalogue() {
  static const auto kLoaded = LoadCatalogue(std::string(EVERSTEP_SOURCE_DIR) + "/tests/testdata/health/catalogue");
  everstep::Check(kLoaded.has_value(), kLoaded ? "" : kLoaded.error().message.c_str());
  return *kLoaded;
}

}  // namespace

void NvmlAnswersFrom(const std::string& path) {
  void* library = ::dlopen(EVERSTEP_FAKE_NVML, RTLD_NOW);
  everstep::Check(library != nullptr, "the look-alike of NVML is built");
  reinterpret_cast<void (*)(const char*)>(::dlsym(library, "fake_nvml_file"))(path.c_str());
}

ScanReport SickHost::Scan(const Changes& changes, const ScanOptions& given) {
  const std::string nvml = "/captured/nvml";
  tree_.Change(changes.files);
  tree_.Append(nvml, changes.nvml);
  tree_.Append("/dev/kmsg", Records(changes.log));
  NvmlAnswersFrom(tree_.root() + nvml);
  ScanOptions options = given;
  options.root = tree_.root();
  if (options.nvml.empty()) options.nvml = EVERSTEP_FAKE_NVML;
  options.paths = {{"/"}, {"/data", PathUse::data}, {"/ckpt", PathUse::checkpoint}};
  const Catalogue* catalogue = &LabCatalogue();
  const auto chosen = ChooseProfile(*catalogue, {.wanted = options.profile, .instance_type = "lab.2xlarge", .told_by = "DMI"});
  everstep::Check(chosen.has_value(), "the profile of the tests is there");
  Time now{};
  const ScanWorld world{.run = RunHere,
                        .let_time_pass =
                            [&] {
                              now += kBetween;
                              tree_.Change(
                                  "== /sys/class/infiniband/rdmap16s27/ports/1/hw_counters/keep_alive_rcvd\n1060\n"
                                  "== /sys/class/infiniband/rdmap32s27/ports/1/hw_counters/keep_alive_rcvd\n1060\n");
                              tree_.Change(changes.between);
                              tree_.Append(nvml, changes.nvml_between);
                            },
                        .now = [&] { return now; }};
  ScanReport report =
      Judged(*catalogue, options.idle ? Idle(*chosen) : *chosen, HostProbes(options, *catalogue, chosen->profile), world);
  tree_.Restore();
  return report;
}

ScanReport ScanOf(const Changes& changes, const ScanOptions& options) { return SickHost().Scan(changes, options); }

std::vector<std::string> Bad(const ScanReport& report) {
  std::vector<std::string> bad;
  for (const Verdict& verdict : report.verdicts)
    if (verdict.state != State::ok) bad.push_back(Cat(Name(verdict.state), ' ', Title(verdict)));
  return bad;
}

}  // namespace everstep::health
