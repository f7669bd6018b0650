// What a preflight is asked to do, by the job and by the launcher's file, and what is said of what it could not read.
#include "base/contains.h"
#include "base/text.h"
#include "launcher/core/preflight.h"
#include "launcher/core/reconcile.h"
#include "tests/story/story.h"

namespace everstep {
namespace {

JobSpec Proven(std::uint32_t nodes) {
  JobSpec spec = Train(nodes);
  spec.preflight = {.level = PreflightLevel::quick};
  return spec;
}

TEST(PreflightPolicy, WhatTheJobLeavesOpenTheLaunchersFileSaysAndTheJobFileWins) {
  Policy policy;
  policy.preflight = {.level = PreflightLevel::quick, .valid_for = 10min, .unknown = PreflightUnknown::block};
  Story story({"n1", "n2"}, policy);
  const JobId open = story.Submit(Train(2));
  EXPECT_TRUE(story.Job(open).preflight);
  EXPECT_EQ(story.Job(open).spec.preflight.ValidFor(), 10min);
  EXPECT_TRUE(Contains(GangFor(story.Job(open), NodeId("n1")).command, std::string("block")));
  story.Cancel(open, true);
  story.Pass(1s);
  JobSpec own = Train(2);
  own.preflight.level = PreflightLevel::off;
  EXPECT_FALSE(story.Job(story.Submit(own)).preflight);
}

TEST(PreflightPolicy, AChangeOfTheLaunchersFileChangesNoJobThatIsThere) {
  Story story({"n1", "n2"});
  const JobId train = story.Submit(Train(2));
  EXPECT_EQ(story.Job(train).spec.preflight.level, PreflightLevel::off) << "on record";
  EXPECT_EQ(story.Job(train).spec.preflight.unknown, PreflightUnknown::pass);
}

TEST(PreflightPolicy, WhatIsACheckItselfIsNotCheckedFirst) {
  const PreflightSpec quick{.level = PreflightLevel::quick};
  JobSpec check = Train(2);
  check.command = HostCheckCommand({}, 2);
  EXPECT_EQ(WithDefaults(check, quick).preflight.level, PreflightLevel::off);
  check.command = {std::string(kProbeProgram), "pairs"};
  EXPECT_EQ(WithDefaults(check, quick).preflight.level, PreflightLevel::off);
}

TEST(PreflightPolicy, WhatHostsCouldNotReadIsToldBesideTheirPass) {
  Story story({"n1", "n2", "n3"});
  const JobId train = story.Submit(Proven(3));
  story.Told();
  RankExit open = ExitCode(0);
  open.tail = "everstep-agent: UNKNOWN 2 checks: kernel.log, gpu.nvml\n";
  story.RankEnds(train, 1, open);
  story.RankEnds(train, 2, open);
  story.RankEnds(train, 0, ExitCode(0));
  EXPECT_EQ(story.Told().front(),
            "preflight (quick) passed on n1, n2 and n3; warning: n2 and n3 could not read 2 checks: kernel.log, gpu.nvml");
}

TEST(PreflightPolicy, TheHostIsLookedAtWithTheDirectoriesOfTheJob) {
  JobSpec spec = Proven(1);
  spec.checkpoint->dir = "/mnt/ckpt/run1";
  spec.preflight.data = {"/data", "/more"};
  EXPECT_EQ(PreflightCommand(spec, 1), (Lines{"everstep-agent", "preflight", "--idle", "--path", "/,/tmp", "--checkpoint",
                                              "/mnt/ckpt/run1", "--data", "/data,/more"}));
  spec.checkpoint->dir = "/mnt/a,b";
  EXPECT_FALSE(Contains(PreflightCommand(spec, 1), std::string("--checkpoint"))) << "the flag takes a list";
}

// `everstep check` of these; those named in `bad` fail a check of their own.
void CheckFinds(Story& story, const std::vector<std::string>& hosts, const Lines& bad) {
  JobSpec spec = Train(static_cast<std::uint32_t>(hosts.size()));
  spec.checkpoint.reset();
  spec.hosts = hosts;
  spec.command = HostCheckCommand({}, hosts.size());
  const JobId check = story.Submit(spec);
  for (std::uint32_t rank = static_cast<std::uint32_t>(hosts.size()); rank-- > 0;) {
    const bool fails = Contains(bad, story.HostsOf(check)[rank]);
    story.RankEnds(check, rank, ExitCode(0, fails ? Cat("everstep-agent: FAIL memory.free: ", rank, " GiB\n") : ""));
  }
}
bool Has(const std::vector<std::string>& hosts, const std::string& host) { return Contains(hosts, host); }

TEST(FailedHosts, WhereHealthIsOnlyObservedTheyStayForJobsThatDoNotLook) {
  Policy policy;
  policy.health = HealthMode::observe;
  Story story({"n1", "n2", "n3"}, policy);
  story.Told();
  CheckFinds(story, {"n1", "n2", "n3"}, {"n2"});
  const Lines told = story.Told();
  EXPECT_TRUE(Has(told,
                  "check (quick) finds n2: memory.free: 1 GiB; n2 stays for other jobs: health.mode is observe, so "
                  "nothing is done"))
      << Join(told, "\n");
  EXPECT_TRUE(Has(story.HostsOf(story.Submit(Train(3))), "n2"));
}

TEST(FailedHosts, OfThoseThatFailNoMoreGoWithinAnHourThanChecksMayTake) {
  Story story({"n1", "n2", "n3", "n4"});  // 10 %: one
  CheckFinds(story, {"n1", "n2", "n3", "n4"}, {"n2", "n3"});
  const JobId train = story.Submit(Train(3));
  EXPECT_FALSE(Has(story.HostsOf(train), "n2"));
  EXPECT_TRUE(Has(story.HostsOf(train), "n3")) << "the hour is used up";
  story.Raises("n4", "mem.ecc", HealthAction::drain);
  EXPECT_FALSE(story.world().state.nodes.at(NodeId("n4")).quarantine) << "by alarms, too";
}

TEST(FailedHosts, WhoIsGoneAlreadyStaysGoneWhenItFailsAgain) {
  Story story({"n1", "n2", "n3", "n4"});
  CheckFinds(story, {"n1", "n2", "n3", "n4"}, {"n2"});
  story.Pass(2h);
  CheckFinds(story, {"n3", "n4"}, {"n3"});
  CheckFinds(story, {"n1", "n2"}, {"n2"});
  EXPECT_FALSE(Has(story.HostsOf(story.Submit(Train(2))), "n2"));
  story.RestartLauncher();
  EXPECT_EQ(story.Phase(story.Submit(Train(1))), JobPhase::queued) << "neither n2 nor n3";
}

TEST(FailedHosts, AJobThatLooksItselfSwapsThemWhateverTheHourAllows) {
  Policy policy;
  policy.health = HealthMode::observe;
  Story story({"n1", "n2", "n3"}, policy);
  const JobId train = story.Submit(Proven(2));
  story.RankEnds(train, 0, ExitCode(0));
  story.RankEnds(train, 1, ExitCode(2, "everstep-agent: FAIL gpu.count: 7"));
  story.Pass(4s);
  EXPECT_FALSE(Has(story.HostsOf(train), "n2"));
}

TEST(FailedHosts, WhatIsAboutADirectoryOfTheJobAloneKeepsTheHostFromNobodyElse) {
  Story story({"n1", "n2", "n3"});
  const JobId train = story.Submit(Proven(2));
  story.RankEnds(train, 0, ExitCode(0));
  story.RankEnds(train, 1, ExitCode(2, "everstep-agent: FAIL /ckpt: mount.writable: no, and != yes is bad"));
  story.Pass(4s);
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n3"}));
  EXPECT_EQ(story.HostsOf(story.Submit(Train(1))), Lines{"n2"});
}

TEST(FailedHosts, OneThatStaysIsNotGivenToAJobWhosePreflightHasTooFewHostsToSeeItWell) {
  Policy policy;
  policy.health = HealthMode::observe;
  Story story({"n1", "n2", "n3"}, policy);
  JobSpec check = Train(3);
  check.checkpoint.reset();
  check.command = HostCheckCommand({}, 3);
  const JobId id = story.Submit(check);
  for (const std::uint32_t rank : {1u, 2u}) story.RankEnds(id, rank, ExitCode(1));
  story.RankEnds(id, 0, ExitCode(1, "everstep-probe: verdict host 1: HOST: n2 is slow\n"));
  JobSpec pair = Proven(2);
  pair.hosts = {"n1", "n2"};
  EXPECT_EQ(story.Phase(story.Submit(pair)), JobPhase::queued) << "it would look again and again";
  EXPECT_EQ(story.HostsOf(story.Submit(Train(3))).size(), 3u) << "who does not look has it";
}

}  // namespace
}  // namespace everstep
