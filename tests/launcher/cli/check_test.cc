// The catalogue of checks as it is printed, and a scan of this host as a program: no launcher, no daemon.

#include <filesystem>
#include <fstream>

#include "base/text.h"
#include "tests/launcher/cli/program.h"

namespace everstep {
namespace {

class CheckProgram : public ProgramTest {
 protected:
  // Of a log and a disk of the test's own: what else this machine has is no matter.
  Ran Agent(const std::string& verb, std::vector<std::string> words) {
    const std::string agent = (std::filesystem::path(EVERSTEP_PROGRAM).parent_path() / "everstep-agent").string();
    words.insert(words.begin(), {agent, verb, "--kernel-log", File("kmsg"), "--path", directory_});
    return Program(words);
  }
  Ran Scan(const std::vector<std::string>& words) { return Agent("scan", words); }
  Ran Preflight(const std::vector<std::string>& words) { return Agent("preflight", words); }
  void KernelSays(const std::string& line) {
    std::ofstream(File("kmsg")) << "6,1,500000,-;Linux version 6.1\n" << line << '\n';
  }
};

TEST_F(CheckProgram, TheCatalogueIsPrintedWithoutALauncherAndWithTheNumbersOfAKindOfHost) {
  const Ran plain = Everstep({"check", "--list", "--launcher", "127.0.0.1:1"});
  EXPECT_EQ(plain.code, 0) << plain.err;
  EXPECT_EQ(plain.out.substr(0, 5), "CHECK");
  EXPECT_NE(plain.out.find("!= profile efa"), std::string::npos);
  const Ran p5 = Everstep({"check", "--list", "--profile", "p5.48xlarge"});
  EXPECT_NE(p5.out.find("!= 32 (profile p5)"), std::string::npos) << p5.out;
  const Ran lines = Everstep({"check", "--list", "-o", "jsonl"});
  EXPECT_EQ(lines.out.substr(0, 22), "{\"check\":\"cpu.online\",");
  EXPECT_NE(Everstep({"check", "--xid"}).out.find("GPU has fallen off the bus"), std::string::npos);
}

TEST_F(CheckProgram, HostsAreCheckedThroughTheLauncherAndALevelThatIsNotThereIsRefused) {
  const Ran ran = Everstep({"check", "n1", "--launcher", "127.0.0.1:1"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_EQ(ran.err.substr(0, 42), "everstep: no launcher at 127.0.0.1:1: conn");
  const Ran deeper = Everstep({"check", "--level", "deeper"});
  EXPECT_EQ(deeper.code, 2);
  EXPECT_NE(deeper.err.find("--level: found \"deeper\", legal: quick, full or deep"), std::string::npos) << deeper.err;
}

TEST_F(CheckProgram, HostsAreStressedAtLevelDeepOnlyAndForATimeThatIsLegal) {
  const Ran quick = Everstep({"check", "n1", "--stress", "5s"});
  EXPECT_EQ(quick.code, 2);
  EXPECT_NE(quick.err.find("--stress goes with --level deep only: the level is quick"), std::string::npos) << quick.err;
  const Ran brief = Everstep({"check", "n1", "--level", "deep", "--stress", "1ms"});
  EXPECT_EQ(brief.code, 2);
  EXPECT_NE(brief.err.find("--stress: found 1ms, legal: 200ms to 24h"), std::string::npos) << brief.err;
  const Ran deep = Everstep({"check", "n1", "--level", "deep", "--stress", "5s", "--launcher", "127.0.0.1:1"});
  EXPECT_NE(deep.err.find("no launcher at 127.0.0.1:1"), std::string::npos) << deep.err;
}

TEST_F(CheckProgram, AScanStressesTheHostOnlyWhereItIsAskedTo) {
  KernelSays("6,2,600000,-;nothing of note");
  EXPECT_EQ(Scan({"--all"}).out.find("deep."), std::string::npos);
  const Ran deep = Scan({"--json", "--deep", "300ms"});
  EXPECT_NE(deep.out.find("\"check\":\"deep.stress\",\"scope\":\"\",\"status\":\"ok\",\"value\":\"0\""), std::string::npos)
      << deep.out << deep.err;
  EXPECT_NE(deep.out.find("\"check\":\"deep.compute\""), std::string::npos) << deep.out;
  EXPECT_EQ(Agent("monitor", {"--deep", "1s"}).err,
            "everstep-agent monitor: --deep is of scan: a monitor leaves the host to its job; everstep-agent scan --deep\n");
}

TEST_F(CheckProgram, ABadCatalogueIsRefusedWithThePlace) {
  std::filesystem::create_directories(File("mine"));
  std::ofstream(File("mine/checks.yaml"))
      << "checks:\n  - {id: cpu.onlin, what: a, reads: b, unit: count, remedy: c, why: d, source: e}\n";
  const Ran ran = Everstep({"check", "--list", "--catalogue", File("mine")});
  EXPECT_EQ(ran.code, 2);
  EXPECT_EQ(ran.err.substr(0, ran.err.find(", legal")),
            Cat("everstep: ", File("mine/checks.yaml"), ":2:6: checks[0].id: found the unknown check \"cpu.onlin\""));
  EXPECT_EQ(Scan({"--catalogue", File("mine")}).code, 2);
}

TEST_F(CheckProgram, AScanJudgesThisHostAndAnXidInItsLogFailsIt) {
  KernelSays("6,2,600000,-;nothing of note");
  const Ran good = Scan({"--all"});
  EXPECT_NE(good.out.find("OK       kernel.oops: faults of the kernel itself: 0"), std::string::npos) << good.out;
  EXPECT_NE(good.out.find(Cat("OK       ", directory_, ": mount.writable")), std::string::npos) << good.out;
  EXPECT_EQ(std::filesystem::exists(File(".everstep-check")), false);
  KernelSays("12,2,600000,-;NVRM: Xid (PCI:0000:18:00): 79, pid=1, GPU has fallen off the bus.");
  const Ran bad = Scan({});
  EXPECT_EQ(bad.code, 1);
  EXPECT_NE(bad.out.find("FAIL     GPU at 0000:18:00: gpu.xid: Xid 79 of 0000:18:00: GPU has fallen off the bus: reboot"),
            std::string::npos)
      << bad.out;
  EXPECT_NE(bad.out.find("(written by a program, not the kernel) NVRM: Xid (PCI:0000:18:00): 79"), std::string::npos)
      << bad.out;
  const Ran nagios = Scan({"--nagios"});
  EXPECT_EQ(nagios.code, 2);
  EXPECT_EQ(nagios.out.substr(0, 17), "HEALTH CRITICAL -") << nagios.out;
  EXPECT_NE(Scan({"--json"}).out.find("\"check\":\"gpu.xid\",\"scope\":\"GPU at 0000:18:00\",\"status\":\"fail\""),
            std::string::npos);
}

TEST_F(CheckProgram, AFileThatIsNoLogOfTheKernelsIsNotTakenForAGoodOne) {
  std::ofstream(File("kmsg")) << "[    1.0] NVRM: Xid (PCI:0000:18:00): 79, pid=1, GPU has fallen off the bus.\n";
  const Ran ran = Scan({"--all"});
  EXPECT_EQ(ran.out.find("OK       kernel.oops"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("has no record as the kernel writes them"), std::string::npos) << ran.out;
  EXPECT_EQ(Scan({"--strict"}).code, 1);
}

TEST_F(CheckProgram, APreflightStartsTheProbeOnAHostThatIsFitAndOnNoOther) {
  KernelSays("6,2,600000,-;nothing of note");
  const Ran good = Preflight({"--", "everstep-probe", "--help"});
  EXPECT_EQ(good.code, 0) << good.err;
  EXPECT_EQ(good.out.substr(0, 19), "everstep-probe TEST");
  EXPECT_EQ(Preflight({}).code, 0);
  EXPECT_EQ(Preflight({"--", "everstep-nothing"}).code, 2);
  KernelSays("12,2,600000,-;NVRM: Xid (PCI:0000:18:00): 79, pid=1, GPU has fallen off the bus.");
  const Ran bad = Preflight({"--", "everstep-probe", "--help"});
  EXPECT_EQ(bad.code, 2);
  EXPECT_EQ(bad.out, "");
  EXPECT_EQ(bad.err.substr(0, 55), "everstep-agent: FAIL GPU at 0000:18:00: gpu.xid: Xid 79") << bad.err;
}

TEST_F(CheckProgram, AScanThatIsMisusedSaysWhatIsLegal) {
  const Ran ran = Scan({"--nagio"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_EQ(ran.err, "everstep-agent scan: unknown flag --nagio; did you mean `--nagios`?\n");
}

}  // namespace
}  // namespace everstep
