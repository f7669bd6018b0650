// What a preflight is asked to do, by the job and by the launcher's file, and what is said of what it could not read.
#include <functional>

#include "base/contains.h"
#include "base/text.h"
#include "launcher/core/preflight.h"
#include "launcher/core/reconcile.h"
#include "launcher/core/status.h"
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

TEST(PreflightPolicy, HowFarItWasIsNoWordOfWhyItEnded) {
  Story story({"n1", "n2", "n3", "n4"});
  const JobId train = story.Submit(Proven(3));
  story.Told();
  story.RankEnds(train, 0, ExitCode(1, "libfabric: no memory\neverstep-probe: round 3 of 4: pairs\neverstep-probe: waits 1\n"));
  story.RankEnds(train, 1, ExitCode(3));
  story.RankEnds(train, 2, ExitCode(3));
  const std::string told = Join(story.Told(), "\n");
  EXPECT_NE(told.find("n1: its probe ended with code 1: libfabric: no memory"), std::string::npos) << told;
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

// n2 goes; n3 has failed with it, and is put off.
void PutsOff(Story& story) {
  CheckFinds(story, {"n1", "n2", "n3", "n4"}, {"n2", "n3"});
  ASSERT_TRUE(PutOff(story.world().state.nodes.at(NodeId("n3"))));
}
bool IsGiven(Story& story, const std::string& host) {
  JobSpec spec = Train(1);
  spec.hosts = {host};
  const JobId job = story.Submit(spec);
  const bool given = story.Phase(job) != JobPhase::queued;
  story.Cancel(job, true);
  story.Pass(1s);
  return given;
}
std::string WhyOfNode(const Story& story, const char* node) {
  return ViewOf(story.world(), story.now(), story.world().state.nodes.at(NodeId(node))).why;
}

TEST(FailedHosts, OneThatWasPutOffForTheHourGoesWhenTheHourIsOver) {
  Story story({"n1", "n2", "n3", "n4"});
  story.Told();
  CheckFinds(story, {"n1", "n2", "n3", "n4"}, {"n2", "n3"});
  const std::string told = Join(story.Told(), "\n");
  EXPECT_NE(
      told.find("n3 stays for other jobs: checks have taken 1 of 4 hosts out of work within 1 h and no more than 1 may go "
                "(health.removals_percent: 10), so it stays, and is weighed again in 1 h"),
      std::string::npos)
      << told;
  EXPECT_TRUE(IsGiven(story, "n3"));
  EXPECT_EQ(WhyOfNode(story, "n3").find("put off: failed its check: memory.free: "), 0u) << WhyOfNode(story, "n3");
  story.Pass(50min);
  EXPECT_TRUE(IsGiven(story, "n3"));
  story.Told();
  story.Pass(11min);
  EXPECT_EQ(story.Told().front().find("n3 is taken out of work: it failed its check 1 h"), 0u) << story.Told().front();
  EXPECT_FALSE(IsGiven(story, "n3"));
  story.Raises("n4", "mem.ecc", HealthAction::drain);
  EXPECT_FALSE(story.world().state.nodes.at(NodeId("n4")).quarantine) << "it counts";
  CheckFinds(story, {"n1", "n3"}, {});
  EXPECT_TRUE(IsGiven(story, "n3")) << "it has passed";
}

TEST(FailedHosts, WhatDoesNotHoldAnyMoreWhenTheHourIsOverTakesNobodyOut) {
  const std::vector<std::pair<const char*, std::function<void(Story&)>>> mended = {
      {"it has passed",
       [](Story& story) {
         CheckFinds(story, {"n1", "n3"}, {});
       }},
      {"somebody has cleared it", [](Story& story) { story.Clear("n3", "reseated"); }},
      {"it was booted", [](Story& story) {
         story.PowerOff("n3");
         story.Pass(30s);
         story.PowerOn("n3");
       }}};
  for (const auto& [how, mend] : mended) {
    Story story({"n1", "n2", "n3", "n4"});
    PutsOff(story);
    mend(story);
    story.Pass(62min);
    EXPECT_TRUE(IsGiven(story, "n3")) << how;
  }
}

TEST(FailedHosts, OneThatWasPutOffGoesAfterALauncherThatHasStartedAgainToo) {
  Story story({"n1", "n2", "n3", "n4"});
  PutsOff(story);
  story.RestartLauncher();
  story.Pass(62min);
  EXPECT_FALSE(IsGiven(story, "n3"));
}

TEST(FailedHosts, AJobThatWorksOnOneThatWasPutOffGoesOnAndASpareIsGivenBack) {
  Story story({"n1", "n2", "n3", "n4"});
  PutsOff(story);
  JobSpec spec = Train(1);
  spec.hosts = {"n3"};
  const JobId works = story.Submit(spec);
  story.Pass(62min);
  EXPECT_EQ(story.HostsOf(works), Lines{"n3"});
  EXPECT_EQ(story.Phase(works), JobPhase::running);
  Story spares({"n1", "n2", "n3", "n4"});
  PutsOff(spares);
  JobSpec with = Train(2);
  with.spares = 1;
  const JobId job = spares.Submit(with);
  ASSERT_EQ(spares.Job(job).spares, std::vector{NodeId("n3")}) << "after all others";
  spares.Pass(62min);
  EXPECT_TRUE(spares.Job(job).spares.empty());
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
