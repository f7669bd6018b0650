// nvidia-smi and dcgmi as they print (tests/testdata/health), and as programs that are missing, talk nonsense or hang.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/text.h"
#include "health/probe/dcgm_diag.h"
#include "health/probe/nvidia_smi.h"
#include "health/probe/program.h"
#include "health/probe/xml.h"
#include "health/scan/command.h"
#include "tests/health/probe/sick_host.h"

namespace everstep::health {
namespace {

using Words = std::vector<std::string>;

std::string Recorded(const std::string& name) { return Cat(EVERSTEP_SOURCE_DIR, "/tests/testdata/health/", name); }

// A program that does this.
class Program {
 public:
  explicit Program(const std::string& script) : tree_("== /program\n#!/bin/sh\n" + script + "\n") {
    std::filesystem::permissions(path(), std::filesystem::perms::owner_all);
  }
  std::string path() const { return tree_.root() + "/program"; }

 private:
  Tree tree_;
};

std::string With(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

const Words kNoLinks = {"unknown gpu.nvlink_down", "unknown gpu.nvlink_errors"};

// Of a host whose NVML cannot be loaded: what nvidia-smi says, changed in one place. But for the links, as ever.
Words SmiBad(const std::string& from, const std::string& to) {
  const Tree tree("== /smi\n" + With(TreeText("nvidia_smi.xml"), from, to));
  Words bad = Bad(ScanOf({}, {.nvml = "/nowhere/libnvidia-ml.so.1", .nvidia_smi = tree.root() + "/smi"}));
  std::erase_if(bad, [](const std::string& word) { return word == kNoLinks[0] || word == kNoLinks[1]; });
  return bad;
}

TEST(NvidiaSmi, AHealthyHostIsHealthyByItWhereNvmlCannotBeLoadedButForItsLinks) {
  const ScanReport report = ScanOf({}, {.nvml = "/nowhere/libnvidia-ml.so.1", .nvidia_smi = Recorded("nvidia_smi.xml")});
  EXPECT_EQ(Bad(report), kNoLinks);
  for (const Verdict& verdict : report.verdicts)
    if (Title(verdict) == "GPU 1 at 0000:2A:00: gpu.temperature") {
      EXPECT_EQ(verdict.evidence, "nvidia-smi -q -x: temperature/gpu_temp: 40 C");
      return;
    }
  FAIL() << "nobody has told the temperature of GPU 1";
}

class Heard final : public Sink {
 public:
  void Take(Reading reading) override { all.push_back(std::move(reading)); }
  void Waiting(std::string) override {}
  std::vector<Reading> all{};
};

TEST(NvidiaSmi, WhatAnH200OfDriver580SaidIsUnderstood) {
  Heard heard;
  ASSERT_TRUE(TellNvidiaSmi(TreeText("nvidia_smi_h200.xml"), 1, GpuProcesses(Root(), {}), heard).has_value());
  std::map<std::string, std::string> words;
  for (const Reading& one : heard.all) {
    EXPECT_FALSE(one.unread) << one.check << ": " << one.unread.value_or("");
    words[one.check] = one.word.value_or(one.number ? std::to_string(static_cast<int>(*one.number)) : "-");
  }
  const std::map<std::string, std::string> said{
      {"gpu.missing", "0"},       {"gpu.model", "NVIDIA H200"}, {"gpu.recovery_action", "none"},
      {"gpu.ecc_mode", "on"},     {"gpu.ecc_uncorrected", "0"}, {"gpu.ecc_corrected", "0"},
      {"gpu.remap_failed", "no"}, {"gpu.remap_pending", "no"},  {"gpu.throttle", "none"},
      {"gpu.temperature", "37"},  {"gpu.pcie_generation", "0"}, {"gpu.pcie_replays", "0"},
      {"gpu.persistence", "on"},  {"gpu.processes", "0"},       {"gpu.kinds", "1"}};
  for (const auto& [check, word] : said) EXPECT_EQ(words[check], word) << check;
}

TEST(NvidiaSmi, EachValueGoesToTheCheckThatNvmlAnswers) {
  const std::string gpu0 = "fail GPU 0 at 0000:18:00: ", warn0 = "warn GPU 0 at 0000:18:00: ";
  EXPECT_EQ(SmiBad("H100 80GB", "A100 80GB"), (Words{gpu0 + "gpu.model", "warn gpu.kinds"}));
  EXPECT_EQ(SmiBad("96.00.89", "95.00.89"), Words{"warn gpu.kinds"});
  EXPECT_EQ(SmiBad("<gpu_recovery_action>None", "<gpu_recovery_action>Drain and Reset"), Words{gpu0 + "gpu.recovery_action"});
  EXPECT_EQ(SmiBad("<current_ecc>Enabled", "<current_ecc>Disabled"), Words{warn0 + "gpu.ecc_mode"});
  EXPECT_EQ(SmiBad("<dram_uncorrectable>0", "<dram_uncorrectable>2"), Words{gpu0 + "gpu.ecc_uncorrected"});
  EXPECT_EQ(SmiBad("<sram_correctable>1", "<sram_correctable>10001"), Words{warn0 + "gpu.ecc_corrected"});
  EXPECT_EQ(SmiBad("<remapped_row_failure>No", "<remapped_row_failure>Yes"), Words{gpu0 + "gpu.remap_failed"});
  EXPECT_EQ(SmiBad("<remapped_row_pending>No", "<remapped_row_pending>Yes"), Words{warn0 + "gpu.remap_pending"});
  EXPECT_EQ(SmiBad("<remapped_row_unc>1", "<remapped_row_unc>513"), Words{gpu0 + "gpu.remap_uncorrected"});
  EXPECT_EQ(SmiBad("<pending_retirement>N/A", "<pending_retirement>Yes"), Words{warn0 + "gpu.retired_pending"});
  EXPECT_EQ(SmiBad("hw_thermal_slowdown>Not Active", "hw_thermal_slowdown>Active"), Words{gpu0 + "gpu.throttle"});
  EXPECT_EQ(SmiBad("<gpu_temp>40 C", "<gpu_temp>97 C"), Words{gpu0 + "gpu.temperature"});
  EXPECT_EQ(SmiBad("<current_link_gen>5", "<current_link_gen>1"), Words{gpu0 + "gpu.pcie_generation"});
  EXPECT_EQ(SmiBad("<state>Completed", "<state>In Progress"), Words{gpu0 + "gpu.fabric_state"});
  EXPECT_EQ(SmiBad("<persistence_mode>Enabled", "<persistence_mode>Disabled"), Words{warn0 + "gpu.persistence"});
}

TEST(NvidiaSmi, DaemonsOfTheSystemAreNoLeftoversOfAJob) {
  const auto idle = [](const std::string& processes) {
    const Tree tree("== /smi\n" + With(TreeText("nvidia_smi.xml"), "<processes>\n", "<processes>\n" + processes));
    return Bad(ScanOf({}, {.nvml = "/nowhere/x.so", .nvidia_smi = tree.root() + "/smi", .idle = true}));
  };
  const auto process = [](const char* type, const char* name) {
    return Cat("<process_info><pid>77</pid><type>", type, "</type><process_name>", name, "</process_name></process_info>\n");
  };
  EXPECT_EQ(idle(process("M+C", "/usr/bin/nvidia-cuda-mps-server") + process("G", "python3")), kNoLinks);
  Words bad = kNoLinks;
  bad.push_back("fail GPU 0 at 0000:18:00: gpu.processes");
  EXPECT_EQ(idle(process("M+C", "/usr/bin/nvidia-cuda-mps-server") + process("M+C", "/opt/py/bin/python3")), bad);
}

TEST(NvidiaSmi, WhatItDoesNotTellDoesNotApplyAndWhatIsNoNumberIsUnknown) {
  EXPECT_EQ(SmiBad("<gpu_temp>40 C", "<gpu_temp>N/A"), Words());
  EXPECT_EQ(SmiBad("<gpu_temp>40 C", "<gpu_temp>warm"), Words{"unknown GPU 0 at 0000:18:00: gpu.temperature"});
}

TEST(NvidiaSmi, AGpuThatItDoesNotListIsMissing) {
  std::string text = With(TreeText("nvidia_smi.xml"), "<attached_gpus>2", "<attached_gpus>1");
  const std::size_t second = text.rfind("\t<gpu id"), end = text.rfind("</nvidia_smi_log>");
  const Tree tree("== /smi\n" + text.erase(second, end - second));
  EXPECT_EQ(Bad(ScanOf({}, {.nvml = "/nowhere/x.so", .nvidia_smi = tree.root() + "/smi"})),
            (Words{"fail gpu.missing", kNoLinks[0], kNoLinks[1]}));
}

// Why all checks of the GPUs are unknown; empty: not all are, or for several reasons.
std::string WhyUnknown(const std::string& smi, Duration deadline = 30s) {
  std::string reason;
  for (const Verdict& verdict : ScanOf({}, {.nvml = "/nowhere/x.so", .nvidia_smi = smi, .deadline = deadline}).verdicts) {
    if (verdict.state == State::ok) continue;
    constexpr std::string_view kBefore = "could not be read: ";
    const std::size_t at = verdict.why.find(kBefore);
    if (verdict.state != State::unknown || at == std::string::npos) return Title(verdict);
    const std::string why = verdict.why.substr(at + kBefore.size());
    if (!reason.empty() && why != reason) return Cat(reason, " | ", why);
    reason = why;
  }
  return reason.substr(0, smi.size()) == smi ? reason.substr(smi.size()) : reason;
}

TEST(NvidiaSmi, WhereItSaysNothingUsableAllIsUnknownWithTheReason) {
  EXPECT_EQ(WhyUnknown("/nowhere/nvidia-smi"), " -q -x cannot be run: No such file or directory");
  EXPECT_EQ(WhyUnknown(Program("echo 'NVIDIA-SMI has failed because of the driver'; exit 9").path()),
            " -q -x ended with code 9: NVIDIA-SMI has failed because of the driver");
  EXPECT_EQ(WhyUnknown(Program("echo 'No devices were found'").path()),
            " -q -x printed nonsense: no XML: expected an element at byte 0, in \"No devices were found\"");
  EXPECT_EQ(WhyUnknown(Program("echo '<nvidia_smi_log><attached_gpus>2</attached_gpus></nvidia_smi_log>'").path()),
            " -q -x printed nonsense: attached_gpus is \"2\", and 0 GPUs follow, in "
            "\"<nvidia_smi_log><attached_gpus>2</attached_gpus></nvidia_smi_log>\"");
  // All probes have this deadline, and a busy machine keeps the others waiting too.
  EXPECT_EQ(WhyUnknown(Program("kill -STOP $$").path(), 2s), " -q -x gave no answer within 2 s");
}

TEST(NvidiaSmi, IsNotAskedWhereNvmlAnswers) { EXPECT_EQ(Bad(ScanOf({}, {.nvidia_smi = "/nowhere/nvidia-smi"})), Words()); }

TEST(Program, GetsItsArgumentsAndItsEndIsTold) {
  const auto printed = PrintedBy(Program("echo \"$1 and $2\"; echo oops >&2; exit 3").path(), {"a b", "c"}, 10s);
  ASSERT_TRUE(printed) << printed.error().message;
  EXPECT_EQ(printed->out, "a b and c\n");
  EXPECT_EQ(printed->err, "oops\n");
  EXPECT_EQ(printed->code, 3);
}

TEST(Program, OneThatPrintsWithoutEndIsStopped) {
  const auto printed = PrintedBy(Program("exec cat /dev/zero").path(), {}, 60s);
  ASSERT_FALSE(printed);
  EXPECT_EQ(printed.error().message, "printed more than 8 MiB");
}

// All that it starts has a descriptor of the test's, which shows when the last one is gone.
TEST(Program, OneThatHangsIsKilledWithAllThatItHasStarted) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, 0), 0);
  const auto printed =
      PrintedBy(Program("(kill -STOP $$; read x < /dev/tty; exec cat /dev/zero >/dev/null) & wait").path(), {}, 300ms);
  ::close(ends[1]);
  ASSERT_FALSE(printed);
  EXPECT_EQ(printed.error().message, "gave no answer within 300 ms");
  pollfd one{.fd = ends[0], .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&one, 1, 10'000), 1);
  EXPECT_NE(one.revents & POLLHUP, 0);
  ::close(ends[0]);
}

TEST(Program, WhatItHasLeftBehindIsNotWaitedFor) {
  const auto printed = PrintedBy(Program("cat /dev/zero >/dev/null & echo done").path(), {}, 60s);
  ASSERT_TRUE(printed) << printed.error().message;
  EXPECT_EQ(printed->out, "done\n");
}

std::string Why(const std::string& xml) {
  const auto parsed = ParseXml(xml);
  return parsed ? Cat(parsed->name, '=', parsed->text) : parsed.error().message;
}

TEST(Xml, IsReadAsATree) {
  const auto a =
      ParseXml("<?xml version=\"1.0\"?><!DOCTYPE a>\n<a x='1'> t&amp;<b y=\"&lt;2\"/><!-- no --><c><d>e</d></c> u </a>\n");
  ASSERT_TRUE(a) << a.error().message;
  EXPECT_EQ(a->attributes.at("x"), "1");
  EXPECT_EQ(a->At("b")->attributes.at("y"), "<2");
  EXPECT_EQ(a->TextAt("c/d"), "e");
  EXPECT_EQ(a->At("c/e"), nullptr);
  EXPECT_EQ(Why("<a> 1 &amp; 2 </a>"), "a=1 & 2");
}

TEST(Xml, WhatIsNoneIsToldWithItsPlace) {
  EXPECT_EQ(Why(""), "no XML: expected an element at byte 0");
  EXPECT_EQ(Why("<a><b></a>"), "no XML: expected </b> at byte 9");
  EXPECT_EQ(Why("<a>1"), "no XML: expected </a> at byte 3");
  EXPECT_EQ(Why("<a></a>x"), "no XML: expected the end at byte 7");
  EXPECT_EQ(Why("<a b=c/>"), "no XML: expected a quoted value at byte 5");
  EXPECT_EQ(Why("<!-- <a/>"), "no XML: expected --> at byte 0");
  std::string deep;
  for (int i = 0; i < 40; ++i) deep += "<a>";
  EXPECT_EQ(Why(deep), "no XML: expected fewer elements in one another at byte 99");
}

// Of the checks that dcgmi answers: "fail GPU 1: why".
Words Diag(const std::string& dcgmi, Duration patience = 10s) {
  Words words;
  for (const Verdict& verdict : ScanOf({}, {.dcgm = {.what = dcgmi, .level = 2, .patience = patience}}).verdicts)
    if (verdict.check == "gpu.dcgm_diag")
      words.push_back(
          Cat(Name(verdict.state), ' ', verdict.scope, ": ", verdict.evidence.empty() ? verdict.why : verdict.evidence));
  return words;
}

TEST(Dcgmi, GpusOfAHealthyHostPassAndWhatWasSkippedIsSaid) {
  EXPECT_EQ(Diag(Recorded("dcgmi_3.json")), (Words{"ok GPU 0: dcgmi diag: 4 tests passed; skipped: Graphics Processes",
                                                   "ok GPU 1: dcgmi diag: 4 tests passed; skipped: Graphics Processes"}));
}

TEST(Dcgmi, AGpuThatFailsIsToldWithItsTestAndWarning) {
  EXPECT_EQ(Diag(Recorded("dcgmi_4.json")),
            (Words{"ok GPU 0: dcgmi diag: 2 tests passed; skipped: diagnostic",
                   "fail GPU 1: dcgmi diag: memory fails: Memory allocated 83679260672 bytes, 1 error at offset 0x10"}));
}

TEST(Dcgmi, IsRunAtTheLevelThatIsAskedForAndItsJsonCountsWhateverItsCode) {
  const Program fails("test \"$*\" = 'diag -j -r 2' && cat " + Recorded("dcgmi_4.json") + "; exit 226");
  EXPECT_EQ(Diag(fails.path()).size(), 2u);
}

std::string Undiagnosed(const std::string& dcgmi, Duration patience = 10s) {
  const Words words = Diag(dcgmi, patience);
  const std::string before = Cat("unknown : DCGM's own diagnosis could not be read: ", dcgmi, " diag -j -r 2");
  return words.size() == 1 && words[0].starts_with(before) ? words[0].substr(before.size()) : Join(words, " | ");
}

TEST(Dcgmi, WhereItSaysNothingUsableTheDiagnosisIsUnknownWithTheReason) {
  const auto says = [](const std::string& json) { return Undiagnosed(Program("echo '" + json + "'").path()); };
  EXPECT_EQ(Undiagnosed("/nowhere/dcgmi"), " cannot be run: No such file or directory");
  EXPECT_EQ(Undiagnosed(Program("echo 'Error: unable to establish a connection' >&2; exit 255").path()),
            " ended with code 255: Error: unable to establish a connection");
  EXPECT_EQ(Undiagnosed(Program("kill -STOP $$").path(), 300ms), " gave no answer within 300 ms");
  EXPECT_EQ(says("fine"), " printed nonsense: no JSON, in \"fine\"");
  EXPECT_EQ(says("{\"a\": 1}"), " printed nonsense: the JSON has no \"DCGM Diagnostic\", in \"{\"a\": 1}\"");
  EXPECT_EQ(says("{\"DCGM Diagnostic\": {\"runtime_error\": \"no GPU\"}}"), ": DCGM says: no GPU");
  EXPECT_EQ(says("{\"DCGM Diagnostic\": {}}"), ": no test was made");
  const std::string skipped =
      "{\"DCGM Diagnostic\": {\"test_categories\": [{\"tests\": [{\"name\": \"pcie\", \"results\": [{\"status\": "
      "\"Skip\"}]}]}]}}";
  EXPECT_EQ(says(skipped), ": no test was made; skipped: pcie");
  EXPECT_TRUE(
      says(With(skipped, "Skip", "Fine"))
          .starts_with(" printed nonsense: the test pcie has the status \"fine\", known are pass, warn, fail and skip"));
}

TEST(Dcgmi, NobodyIsAskedWithoutTheFlag) {
  for (const Verdict& verdict : ScanOf({}).verdicts) EXPECT_NE(verdict.check, "gpu.dcgm_diag");
}

std::string Misuse(std::vector<const char*> words) {
  const auto command = ScanCommandFrom(static_cast<int>(words.size()), words.data());
  return command ? "it was taken" : command.error().Str();
}

TEST(ScanCommand, TakesProgramsOfOthersAndAMonitorLeavesTheGpusAlone) {
  EXPECT_EQ(Misuse({"scan", "--dcgmi", "/usr/bin/dcgmi", "--nvidia-smi", "/usr/bin/nvidia-smi", "--dcgmi-level=3"}),
            "it was taken");
  EXPECT_EQ(Misuse({"monitor", "--nvidia-smi", "/usr/bin/nvidia-smi"}), "it was taken");
  EXPECT_EQ(Misuse({"monitor", "--dcgmi", "/usr/bin/dcgmi"}),
            "--dcgmi is of scan: a monitor leaves the GPUs to their job; everstep-agent scan --dcgmi");
  EXPECT_EQ(Misuse({"scan", "--nvidia-smi", "nvidia-smi"}),
            "--nvidia-smi: found nvidia-smi, legal: a program or file from the root on");
  EXPECT_EQ(Misuse({"scan", "--dcgmi-level", "5"}), "--dcgmi-level: found 5, legal: 1 to 4");
}

}  // namespace
}  // namespace everstep::health
