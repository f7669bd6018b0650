// What a job leaves behind on a host where none runs: processes on GPUs, and processes by their environment or their cgroup;
// and what only looks like it.
#include <gtest/gtest.h>

#include "base/text.h"
#include "health/scan/report_text.h"
#include "tests/health/probe/sick_host.h"

namespace everstep::health {
namespace {

using Words = std::vector<std::string>;

TEST(Leftovers, ProcessesOnAGpuAreAFindingOnlyWhereNoJobRuns) {
  EXPECT_EQ(Bad(ScanOf({.nvml = "1.processes 2\n"})), Words());
  EXPECT_EQ(Bad(ScanOf({.nvml = "1.processes 2\n"}, {.idle = true})), Words{"fail GPU 1 at 0000:2A:00: gpu.processes"});
}

std::string EvidenceOf(const ScanReport& report, const std::string& check) {
  for (const Verdict& verdict : report.verdicts)
    if (verdict.check == check) return verdict.evidence;
  return "it was not judged";
}

TEST(Leftovers, ADaemonOfTheSystemOnAGpuIsNotedAndNoFindingAndAJobBesideItIsOne) {
  const std::string daemons = "== /proc/77/comm\nnvidia-cuda-mps\n== /proc/78/comm\nnv-hostengine\n== /proc/79/comm\npython3\n";
  const ScanReport idle = ScanOf({.files = daemons, .nvml = "all.processes 1 77\n1.processes 2 77 78\n"}, {.idle = true});
  EXPECT_EQ(Bad(idle), Words());
  EXPECT_EQ(EvidenceOf(idle, "gpu.daemons"), "nvidia-cuda-mps (pid 77), nv-hostengine (pid 78): not counted by gpu.processes");
  EXPECT_NE(ReportText(idle, false).find("NOTE     gpu.daemons: daemons of the system that compute on GPUs: 2\n"),
            std::string::npos)
      << ReportText(idle, false);
  const ScanReport left = ScanOf({.files = daemons, .nvml = "1.processes 3 77 79 80\n"}, {.idle = true});
  EXPECT_EQ(Bad(left), Words{"fail GPU 1 at 0000:2A:00: gpu.processes"});
  for (const Verdict& verdict : left.verdicts)
    if (verdict.check == "gpu.processes" && verdict.state == State::fail) {
      EXPECT_EQ(verdict.evidence,
                "nvmlDeviceGetComputeRunningProcesses: 2: python3 (pid 79), a process that is not seen from here (pid 80); "
                "daemons of the system beside them: 1");
    }
  EXPECT_EQ(ReportText(ScanOf({}, {.idle = true}), false).find("NOTE"), std::string::npos);
  const std::string named = daemons + "== /proc/77/exe -> /usr/bin/python3.11\n";
  EXPECT_EQ(Bad(ScanOf({.files = named, .nvml = "1.processes 1 77\n"}, {.idle = true})),
            Words{"fail GPU 1 at 0000:2A:00: gpu.processes"})
      << "it only calls itself a daemon";
}

std::string Process(const char* pid, const char* job, const char* agent) {
  return Cat("== /proc/", pid, "/environ\nLANG=C.UTF-8\nEVERSTEP_JOB_ID=", job, "\nEVERSTEP_PROGRESS=", agent, "/gangs/", job,
             ".1/progress-0.json\n");
}

TEST(Leftovers, WhatAFormerJobHasLeftBehindIsAFindingOnlyWhereNoJobRuns) {
  const std::string left = Process("900", "train-1", "/var/lib/everstep");
  EXPECT_EQ(Bad(ScanOf({.files = left})), Words());
  const ScanReport report = ScanOf({.files = left + Process("901", "train-1", "/var/lib/everstep")}, {.idle = true});
  EXPECT_EQ(Bad(report), Words{"fail process.leftover"});
  for (const Verdict& verdict : report.verdicts)
    if (verdict.check == "process.leftover") {
      EXPECT_EQ(verdict.evidence, "of train-1: pid 900, 901");
      EXPECT_EQ(verdict.action, Action::drain);
    }
}

TEST(Leftovers, ProcessesOfTheJobThatLooksAndOfAnotherHostOnTheSameMachineAreNotLeftBehind) {
  const std::string own = Process("self", "train-2", "/var/lib/everstep");
  EXPECT_EQ(Bad(ScanOf({.files = own + Process("900", "train-2", "/var/lib/everstep")}, {.idle = true})), Words());
  EXPECT_EQ(Bad(ScanOf({.files = own + Process("900", "train-1", "/var/lib/n2")}, {.idle = true})), Words());
  EXPECT_EQ(Bad(ScanOf({.files = own + Process("900", "train-1", "/var/lib/everstep")}, {.idle = true})),
            Words{"fail process.leftover"});
}

constexpr const char* kService = "/system.slice/everstep-agent.service";

// Without a word of a job in its environment.
std::string InCgroup(const std::string& pid, const std::string& path, const char* state = "S") {
  return Cat("== /proc/", pid, "/environ\nLANG=C\n== /proc/", pid, "/cgroup\n4:memory:/\n0::", path, "\n== /proc/", pid,
             "/stat\n", pid, " (python3 (x)) ", state, " 1 900 900 0 -1\n");
}

TEST(Leftovers, WhoHasClearedItsEnvironmentIsFoundByTheCgroupOfItsGang) {
  const auto idle = [](const std::string& files) { return ScanOf({.files = files}, {.idle = true}); };
  const ScanReport left = idle(InCgroup("900", Cat(kService, "/everstep-train-1.3-4812")) +
                               InCgroup("901", Cat(kService, "/everstep-train-1.3-4812/docker/7f")));
  EXPECT_EQ(Bad(left), Words{"fail process.leftover"});
  EXPECT_EQ(EvidenceOf(left, "process.leftover"), "of train-1: pid 900 (by its cgroup), 901 (by its cgroup)");
  EXPECT_EQ(Bad(idle(InCgroup("900", Cat(kService, "/everstep-train-1.3-4812"), "Z"))), Words()) << "it is dead";
  for (const char* other : {"", "/everstep-agent.service", "/everstep-train-1", "/everstep-train-1.3", "/everstep-.3-4812",
                            "/everstep-train.x-4812", "/my-everstep-train-1.3-4812"})
    EXPECT_EQ(Bad(idle(InCgroup("900", Cat(kService, other)))), Words()) << other;
  EXPECT_EQ(Bad(ScanOf({.files = InCgroup("900", Cat(kService, "/everstep-train-1.3-4812"))})), Words()) << "a job may run";
}

TEST(Leftovers, OfHostsThatShareAMachineEachFindsItsOwnGangsByTheirCgroups) {
  const std::string own =
      Process("self", "train-2", "/var/lib/everstep") + Cat("== /proc/self/cgroup\n0::", kService, "/everstep-train-2.1-900\n");
  const auto found = [&](const std::string& path, const std::string& more = {}) {
    return Bad(ScanOf({.files = own + InCgroup("901", path) + more}, {.idle = true})).size();
  };
  const std::string old = Cat(kService, "/everstep-train-1.3-4812"), runs = "== /proc/4812/comm\neverstep-keeper\n";
  EXPECT_EQ(found(old), 1u) << "nobody keeps it any more";
  EXPECT_EQ(found(old, runs), 0u) << "of another host of this machine, as far as anybody can tell";
  EXPECT_EQ(found(old, runs + "== /var/lib/everstep/gangs/train-1.3/keeper.json\n{}\n"), 1u) << "this host's agent keeps it";
  EXPECT_EQ(found("/system.slice/other.service/everstep-train-1.3-4812"), 0u) << "of another agent";
  EXPECT_EQ(found(Cat(kService, "/everstep-train-2.1-900")), 0u) << "of the job that looks";
  EXPECT_EQ(found(Cat(kService, "/everstep-train-2.0-700")), 0u) << "of the generation before, which its keeper sees to";
}

}  // namespace
}  // namespace everstep::health
