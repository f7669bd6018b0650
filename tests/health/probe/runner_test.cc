// A probe that hangs, spins or dies takes nothing along but itself, and is told by the names of its checks.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "health/scan/command.h"
#include "health/scan/report_text.h"
#include "health/scan/scan.h"
#include "tests/health/probe/sick_host.h"

namespace everstep::health {
namespace {

Probe Good() {
  return {.name = "good", .checks = {"cpu.online"}, .run = [](Sink& sink) { sink.Number("cpu.online", "", 4, "four"); }};
}

TEST(Runner, AProbeThatHangsIsKilledAndToldWithWhatItWaitedFor) {
  const Probe hangs{.name = "mount /data", .checks = {"mount.space"}, .deadline = 2s, .run = [](Sink& sink) {
                      sink.Number("mount.mode", "/data", 1, "before");
                      sink.Waiting("statvfs(/data)");
                      for (;;) ::pause();
                    }};
  const auto results = RunProbes({hangs, Good()});
  EXPECT_TRUE(results[0].timed_out);
  EXPECT_EQ(results[0].broken, "no answer within 2 s, waiting for statvfs(/data)");
  ASSERT_EQ(results[0].readings.size(), 1u);  // what it had said before counts
  EXPECT_FALSE(results[1].broken);
  EXPECT_EQ(results[1].readings.at(0).number, 4);
}

TEST(Runner, AProbeThatSpinsIsKilled) {
  const auto results = RunProbes({{.name = "spins", .deadline = 2s, .run = [](Sink&) {
                                     volatile bool spin = true;
                                     while (spin) continue;
                                   }}});
  EXPECT_TRUE(results[0].timed_out);
}

TEST(Runner, AProbeThatCrashesIsToldWithWhereItWas) {
  const auto results = RunProbes({{.name = "crashes", .run = [](Sink& sink) {
                                     sink.Waiting("nvmlInit_v2()");
                                     ::raise(SIGKILL);
                                   }}});
  EXPECT_FALSE(results[0].timed_out);
  EXPECT_EQ(results[0].broken, "the probe was killed by signal 9, in nvmlInit_v2()");
}

TEST(Runner, AProbeThatTalksMuchIsHeardToItsEnd) {
  const auto results = RunProbes({{.name = "talks", .run = [](Sink& sink) {
                                     for (int i = 0; i < 5000; ++i)
                                       sink.Number("x", std::to_string(i), i, std::string(100, 'x'));
                                   }}});
  EXPECT_FALSE(results[0].broken);
  EXPECT_EQ(results[0].readings.size(), 5000u);
}

ScanReport Report(const std::vector<Probe>& probes) {
  const auto catalogue = LoadCatalogue("");
  const ScanWorld world{.let_time_pass = [] {}, .now = [] { return Time(); }};
  return Judged(*catalogue, *ChooseProfile(*catalogue, {.wanted = "cpu"}), probes, world);
}

const Verdict* Find(const ScanReport& report, const std::string& check) {
  for (const Verdict& verdict : report.verdicts)
    if (verdict.check == check) return &verdict;
  return nullptr;
}

TEST(Runner, AHungMountFailsByNameAndWhatElseItWouldHaveToldIsUnknown) {
  const ScanReport report = Report({{.name = "mount /data",
                                     .scope = "/data",
                                     .checks = {"mount.space", "mount.writable"},
                                     .deadline = 2s,
                                     .run = [](Sink& sink) {
                                       sink.Waiting("statvfs(/data)");
                                       for (;;) ::pause();
                                     }}});
  const Verdict* writable = Find(report, "mount.writable");
  ASSERT_TRUE(writable);
  EXPECT_EQ(writable->state, State::fail);
  EXPECT_EQ(writable->scope, "/data");
  EXPECT_EQ(writable->value, "hangs");
  EXPECT_EQ(writable->evidence, "no answer within 2 s, waiting for statvfs(/data)");
  const Verdict* space = Find(report, "mount.space");
  ASSERT_TRUE(space);
  EXPECT_EQ(space->state, State::unknown);
  EXPECT_EQ(space->why, "free space could not be read: no answer within 2 s, waiting for statvfs(/data)");
}

TEST(Runner, AnNvmlCallThatNeverReturnsFailsTheDriversCheck) {
  Tree tree("== /nvml\ngpus 2\ninit hang\n");
  NvmlAnswersFrom(tree.root() + "/nvml");
  const auto catalogue = LoadCatalogue("");
  std::vector<Probe> probes;
  for (Probe& probe : HostProbes({.root = tree.root(), .nvml = EVERSTEP_FAKE_NVML, .deadline = 2s}, *catalogue, {}))
    if (probe.name == "NVML") probes.push_back(std::move(probe));
  ASSERT_EQ(probes.size(), 1u);
  const ScanReport report = Report(probes);
  const Verdict* nvml = Find(report, "gpu.nvml");
  ASSERT_TRUE(nvml);
  EXPECT_EQ(nvml->state, State::fail);
  EXPECT_EQ(nvml->evidence, "no answer within 2 s, waiting for nvmlInit_v2()");
}

TEST(Runner, ACheckThatNoProbeHasReadIsUnknownNeverGood) {
  const ScanReport report = Report({Good()});
  EXPECT_EQ(Find(report, "cpu.online")->state, State::ok);
  EXPECT_EQ(Find(report, "clock.source")->why, "clock source could not be read: nothing has read it");
}

std::string Misuse(std::vector<const char*> flags) {
  flags.insert(flags.begin(), "scan");
  const auto command = ScanCommandFrom(static_cast<int>(flags.size()), flags.data());
  return command ? "it was taken" : command.error().Str();
}

TEST(ScanCommand, TakesPathsOfDataAndOthers) {
  const char* flags[] = {"scan", "--data", "/data", "--checkpoint=/ckpt", "--path=/scratch", "--idle", "--deadline", "500ms"};
  const auto command = ScanCommandFrom(8, flags);
  ASSERT_TRUE(command) << command.error().Str();
  ASSERT_EQ(command->options.paths.size(), 3u);
  EXPECT_EQ(command->options.paths[0].path, "/scratch");
  EXPECT_EQ(command->options.paths[0].use, PathUse::plain);
  EXPECT_EQ(command->options.paths[1].use, PathUse::data);
  EXPECT_EQ(command->options.paths[2].path, "/ckpt");
  EXPECT_EQ(command->options.paths[2].use, PathUse::checkpoint);
  EXPECT_TRUE(command->options.idle);
  EXPECT_EQ(command->options.deadline, 500ms);
}

TEST(ScanCommand, AMistakeIsToldWithWhatIsLegal) {
  EXPECT_EQ(Misuse({"--profil", "p5"}), "unknown flag --profil; did you mean `--profile`?");
  EXPECT_EQ(Misuse({"--path", "data"}), "the path data is not absolute; write it from the root: /data");
  EXPECT_EQ(Misuse({"--deadline", "0s"}), "--deadline: found 0s, legal: more than 0 s, at most 10min");
  EXPECT_EQ(Misuse({"--json", "--nagios"}), "--json and --nagios exclude each other; choose one");
  EXPECT_EQ(Misuse({"host"}), "found the argument \"host\", but only flags are legal; see --help");
}

TEST(ScanCommand, ProcessesThatAnEarlierJobLeftOnAGpuFailAnIdleHost) {
  const auto catalogue = LoadCatalogue("");
  Chosen chosen = *ChooseProfile(*catalogue, {.wanted = "gpu"});
  const Probe left{
      .name = "NVML", .checks = {"gpu.processes"}, .run = [](Sink& sink) { sink.Number("gpu.processes", "GPU 0", 2, "two"); }};
  const ScanWorld world{.let_time_pass = [] {}, .now = [] { return Time(); }};
  EXPECT_EQ(Find(Judged(*catalogue, chosen, {left}, world), "gpu.processes")->state, State::ok);
  chosen = Idle(chosen);
  EXPECT_EQ(Find(Judged(*catalogue, chosen, {left}, world), "gpu.processes")->state, State::fail);
}

TEST(Report, NagiosGetsOneLineAndItsCodes) {
  ScanReport report{.verdicts = {{.check = "a.b"}}};
  EXPECT_EQ(ReportNagios(report), "HEALTH OK - 1 value good\n");
  EXPECT_EQ(NagiosCode(report), 0);
  report.verdicts.push_back({.check = "clock.source", .state = State::unknown});
  EXPECT_EQ(ReportNagios(report), "HEALTH UNKNOWN - 1 value not readable: clock.source\n");
  EXPECT_EQ(NagiosCode(report), 3);
  report.verdicts.push_back({.check = "net.state", .scope = "eth0", .state = State::warn});
  EXPECT_EQ(NagiosCode(report), 1);
  report.verdicts.push_back({.check = "gpu.count", .state = State::fail});
  EXPECT_EQ(ReportNagios(report), "HEALTH CRITICAL - 1 value bad: gpu.count; 1 not readable\n");
  EXPECT_EQ(NagiosCode(report), 2);
}

TEST(Report, PeopleSeeWhatIsBadWithEvidenceAndWhatToDoAndReasonsOnce) {
  const ScanReport report{.profile_why = "profile p5: DMI says p5.48xlarge",
                          .verdicts = {{.check = "a", .state = State::unknown, .why = "x could not be read: no driver"},
                                       {.check = "b", .state = State::unknown, .why = "y could not be read: no driver"},
                                       {.check = "gpu.count",
                                        .state = State::fail,
                                        .why = "GPUs on the PCI bus: 7, and != 8 (profile p5) is bad",
                                        .evidence = "seven",
                                        .remedy = "reboot",
                                        .action = Action::reboot}}};
  EXPECT_EQ(ReportText(report, false),
            "FAIL     gpu.count: GPUs on the PCI bus: 7, and != 8 (profile p5) is bad\n"
            "         evidence: seven\n"
            "         to do: reboot (asks for: reboot)\n"
            "UNKNOWN  a, b: no driver\n"
            "\n"
            "profile p5: DMI says p5.48xlarge\n"
            "0 OK, 0 WARN, 1 FAIL, 2 UNKNOWN; 0 checks do not apply here\n");
}

}  // namespace
}  // namespace everstep::health
