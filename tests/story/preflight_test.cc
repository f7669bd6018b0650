// What is proven of the hosts before the ranks start: everstep-probe runs as a generation of its own.
#include "launcher/core/preflight.h"

#include "base/text.h"
#include "launcher/core/incidents.h"
#include "launcher/core/reconcile.h"
#include "launcher/core/status.h"
#include "tests/story/story.h"

namespace everstep {
namespace {

JobSpec Checked(std::uint32_t nodes, Duration valid_for = 1h) {
  JobSpec spec = Train(nodes);
  spec.preflight = {.level = PreflightLevel::quick, .valid_for = valid_for};
  return spec;
}

RankExit Finds(const std::string& verdicts) { return ExitCode(1, verdicts); }

// All of them end together: rank 0 with its verdicts, the others with code 1.
void ProbeFinds(Story& story, const JobId& job, const std::string& verdicts) {
  const auto ranks = static_cast<std::uint32_t>(story.Job(job).hosts.size());
  for (std::uint32_t rank = 1; rank < ranks; ++rank) story.RankEnds(job, rank, ExitCode(1));
  story.RankEnds(job, 0, Finds(verdicts));
}

TEST(Preflight, ItsRanksAreTheProbeOneAHostAndWhatWasAskedForFollowsOnTheSameHosts) {
  Story story({"n1", "n2", "n3"});
  JobSpec spec = Checked(2);
  spec.processes_per_node = 8;
  spec.env = {{"FI_PROVIDER", "tcp"}, {"LD_PRELOAD", "/home/me/all_is_well.so"}};
  const JobId train = story.Submit(spec);
  const GangSpec probe = GangFor(story.Job(train), NodeId("n2"));
  EXPECT_EQ(probe.command, (Lines{"everstep-agent", "preflight", "--idle", "--path", "/,/tmp", "--checkpoint", "/ckpt", "--",
                                  "everstep-probe", "pairs", "--level", "quick", "-e", "1M", "--quiet", "1"}));
  EXPECT_EQ(probe.world_size, 2u);
  EXPECT_EQ(probe.env, (std::map<std::string, std::string>{{"FI_PROVIDER", "tcp"}})) << "no say in what is found";
  EXPECT_TRUE(ViewOf(story.world(), story.now(), story.Job(train)).preflight);
  story.Told();
  story.AllRanksEnd(train, ExitCode(0));
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n2"}));
  EXPECT_EQ(
      story.Told(),
      (Lines{"preflight (quick) passed on n1 and n2", "n1 reported generation 1 empty", "n2 reported generation 1 empty",
             "preflight (quick) passed on n1 and n2; all hosts go on in place", "generation 2 starts: 16 ranks on 2 hosts"}));
  const GangSpec gang = GangFor(story.Job(train), NodeId("n2"));
  EXPECT_EQ(gang.command, spec.command);
  EXPECT_EQ(gang.restart_count, 0u) << "for the script it is the first start";
  EXPECT_EQ(story.Job(train).restarts_total, 0u);
  EXPECT_TRUE(story.Job(train).incidents.empty()) << "nothing has failed";
}

constexpr const char* kMeasured = "everstep-probe: measured tcp;ofi_rxm pair 1048576 2 24 1500000000 20000000";

TEST(Preflight, WhatAPassHasMeasuredIsKeptAndHandedToTheNext) {
  Story story({"n1", "n2", "n3"});
  const JobId first = story.Submit(Checked(2, 10min));
  story.Told();
  story.RankEnds(first, 1, ExitCode(0));
  RankExit good = ExitCode(0);
  good.tail = kMeasured;
  story.RankEnds(first, 0, good);
  EXPECT_EQ(story.Told().front(),
            "between 2 hosts a pair has 1.5 GB/s (median of 24 tests of 1048576 bytes over tcp;ofi_rxm): learned");
  ASSERT_EQ(story.world().state.fabric_runs.size(), 1u);
  story.AllRanksEnd(first, ExitCode(0));
  story.RestartLauncher();
  story.Pass(11min);
  const JobId second = story.Submit(Checked(2, 10min));
  const GangSpec probe = WithLearned(story.world().state, GangFor(story.Job(second), NodeId("n2")));
  EXPECT_EQ(probe.command.back(), "tcp;ofi_rxm pair 1048576 2 24 1500000000 20000000");
  story.Cancel(second);
  story.Pass(1s);
  const GangSpec others = WithLearned(story.world().state, GangFor(story.Job(story.Submit(Checked(3))), NodeId("n2")));
  EXPECT_EQ(others.command.back(), "1") << "three hosts are another matter";
}

TEST(Preflight, AClusterThatIsSlowerThanItWasIsToldAndAPersonsFloorEndsTheJob) {
  Story story({"n1", "n2", "n3"});
  const JobId slower = story.Submit(Checked(2));
  RankExit good = ExitCode(0);
  good.tail = "everstep-probe: remark the median is 0.5 GB/s, below the floor";
  story.RankEnds(slower, 1, ExitCode(0));
  story.Told();
  story.RankEnds(slower, 0, good);
  EXPECT_EQ(story.Told().front(),
            "preflight (quick) passed on n1 and n2; slower than usual: the median is 0.5 GB/s, below the floor");
  EXPECT_FALSE(story.Job(slower).preflight);
  story.Cancel(slower);
  story.Pass(2h);
  const JobId refused = story.Submit(Checked(2));
  ProbeFinds(story, refused, "everstep-probe: verdict below_floor 0: the median is 0.5 GB/s, below the floor: 8 GB/s");
  EXPECT_EQ(story.Phase(refused), JobPhase::failed);
}

TEST(Preflight, WhatIsBetweenAllHostsNoOtherHostMends) {
  Story story({"n1", "n2", "n3", "n4"});
  const JobId train = story.Submit(Checked(3));
  ProbeFinds(story, train, "everstep-probe: verdict fabric_switch 0,1,2: SWITCH: rail 1 is silent between all hosts");
  EXPECT_EQ(story.Phase(train), JobPhase::failed);
  EXPECT_NE(story.Job(train).give_up.find("rail 1 is silent between all hosts"), std::string::npos) << story.Job(train).give_up;
}

TEST(Preflight, AHostThatPassedIsNotCheckedAgainUntilThatIsTooLongAgo) {
  Story story({"n1", "n2"});
  const JobId first = story.Submit(Checked(2, 10min));
  story.AllRanksEnd(first, ExitCode(0));
  story.AllRanksEnd(first, ExitCode(0));
  ASSERT_EQ(story.Phase(first), JobPhase::done);
  const JobId soon = story.Submit(Checked(2, 10min));
  EXPECT_FALSE(story.Job(soon).preflight);
  story.AllRanksEnd(soon, ExitCode(0));
  story.Pass(11min);
  const JobId late = story.Submit(Checked(2, 10min));
  EXPECT_TRUE(story.Job(late).preflight);
}

TEST(Preflight, AHostThatWasRebootedHasNoPassAnyMore) {
  Story story({"n1", "n2"});
  const JobId first = story.Submit(Checked(2));
  story.AllRanksEnd(first, ExitCode(0));
  story.AllRanksEnd(first, ExitCode(0));
  story.PowerOff("n2");
  story.Pass(1s);  // back before anybody has missed it
  story.PowerOn("n2");
  story.Pass(5s);
  const JobId second = story.Submit(Checked(2));
  ASSERT_EQ(story.Phase(second), JobPhase::running);
  EXPECT_TRUE(story.Job(second).preflight);
}

TEST(Preflight, ABadHostIsSwappedForAGoodOneAndTheNewOneIsCheckedToo) {
  Story story({"n1", "n2", "n3", "n4"});
  const JobId train = story.Submit(Checked(3));
  story.Told();
  ProbeFinds(story, train, "everstep-probe: verdict host_tx 1: HOST-TX: rank 1 (n2) is slow to 2 of 2 partners\n");
  EXPECT_EQ(story.Told().front(), "preflight (quick) finds n2: HOST-TX: rank 1 (n2) is slow to 2 of 2 partners");
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n4", "n3"}));
  EXPECT_EQ(Explain(story.world(), story.now(), story.Job(train)).sentences.at(1),
            "n2 is not used: it failed the preflight: HOST-TX: rank 1 (n2) is slow to 2 of 2 partners");
  EXPECT_TRUE(story.Job(train).preflight) << "n4 has passed nothing";
  EXPECT_EQ(story.Job(train).restarts_total, 0u);
  story.AllRanksEnd(train, ExitCode(0));
  EXPECT_FALSE(story.Job(train).preflight);
  EXPECT_EQ(story.Phase(train), JobPhase::running);
  const NodeView bad = ViewOf(story.world(), story.now(), story.world().state.nodes.at(NodeId("n2")));
  ASSERT_TRUE(bad.fabric);
  EXPECT_FALSE(bad.fabric->passed);
}

TEST(Preflight, OfALinkOneEndIsSwappedAndNotTheHostWithTheRendezvous) {
  Story story({"n1", "n2", "n3", "n4"});
  const JobId train = story.Submit(Checked(3));
  ProbeFinds(story, train, "everstep-probe: verdict link 0,2: LINK: rank 0 (n1) and rank 2 (n3) fail with each other\n");
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n2", "n4"}));
}

TEST(Preflight, WhoIsGoneIsNamedByRankZeroAlsoWhenItsOwnEndWasHeardFirst) {
  Story story({"n1", "n2", "n3", "n4"});
  const JobId train = story.Submit(Checked(3));
  story.RankEnds(train, 1, ExitCode(1, "everstep-probe: rank 2 (n3) is gone\n"));
  story.Pass(3s);
  EXPECT_EQ(story.Phase(train), JobPhase::running) << "rank 0 is asked for, not guessed";
  story.RankEnds(train, 0, Finds("everstep-probe: verdict gone 2: rank 2 (n3) does not answer\n"));
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n2", "n4"}));
}

TEST(Preflight, WhereTheProbeCannotStartIsABadHostAndWhereItCannotStartAnywhereTheJobEndsWithWords) {
  Story story({"n1", "n2", "n3", "n4"});
  const JobId train = story.Submit(Checked(3));
  story.RankEnds(train, 1, ExitCode(2, "everstep-probe: there is no provider efa\n"));
  story.Pass(11s);
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n4", "n3"})) << "rank 0 said nothing in time";
  story.AllRanksEnd(train, ExitCode(2, "everstep-probe: there is no provider efa\n"));
  EXPECT_EQ(story.Phase(train), JobPhase::failed);
  EXPECT_EQ(
      story.Job(train).incidents.back().blame.cause,
      "the preflight cannot be made: on no host: everstep-probe: there is no provider efa; `preflight: {level: off}` starts "
      "without");
}

TEST(Preflight, WhatIsNotMeasuredIsNoPass) {
  Story story({"n1", "n2"});
  const JobId train = story.Submit(Checked(2));
  ProbeFinds(story, train, "everstep-probe: verdict unproven 0: the counters of efa0 have not moved\n");
  EXPECT_EQ(story.Phase(train), JobPhase::failed);
}

TEST(Preflight, WhoEndsWithoutAVerdictOrByASignalIsSwappedAndNoRestartIsCounted) {
  Story story({"n1", "n2", "n3", "n4", "n5"});
  const JobId train = story.Submit(Checked(3));
  story.RankEnds(train, 1, ExitCode(1, "everstep-probe: assertion failed\n"));
  story.Pass(9s);
  EXPECT_EQ(story.Job(train).generation, Generation(1)) << "rank 0 may still say what it was";
  story.Pass(2s);
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n4", "n3"}));
  story.RankEnds(train, 2, Killed(9));
  story.Pass(11s);
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n4", "n5"}));
  EXPECT_TRUE(story.Job(train).preflight);
  EXPECT_EQ(story.Job(train).restarts_total, 0u);
  EXPECT_EQ(story.Job(train).fruitless, 0u);
}

TEST(Preflight, OfACheckThatWasCutShortNobodyHasPassed) {
  Story story({"n1", "n2", "n3", "n4"});
  const JobId train = story.Submit(Checked(3));
  ProbeFinds(story, train, "everstep-probe: verdict gone 1: does not answer\n");
  for (const char* name : {"n1", "n3", "n4"}) EXPECT_FALSE(story.world().state.nodes.at(NodeId(name)).fabric) << name;
  EXPECT_FALSE(story.world().state.nodes.at(NodeId("n2")).fabric->passed);
  EXPECT_TRUE(story.Job(train).preflight) << "all three are checked again";
}

TEST(Preflight, APassHoldsForHostsThatWereCheckedTogetherAndForNoHigherLevel) {
  Story story({"n1", "n2", "n3", "n4"});
  const auto check = [&](std::vector<std::string> hosts, PreflightLevel level) {
    JobSpec spec = Checked(static_cast<std::uint32_t>(hosts.size()));
    spec.hosts = std::move(hosts);
    spec.preflight.level = level;
    const JobId job = story.Submit(spec);
    const bool checked = story.Job(job).preflight;
    if (checked) story.AllRanksEnd(job, ExitCode(0));
    story.AllRanksEnd(job, ExitCode(0));
    EXPECT_EQ(story.Phase(job), JobPhase::done);
    return checked;
  };
  using enum PreflightLevel;
  EXPECT_TRUE(check({"n1"}, quick));
  EXPECT_TRUE(check({"n2"}, quick));
  EXPECT_FALSE(check({"n2"}, quick));
  EXPECT_TRUE(check({"n1", "n2"}, quick)) << "each alone is no network";
  EXPECT_TRUE(check({"n3", "n4"}, quick));
  EXPECT_TRUE(check({"n1", "n3"}, quick)) << "they have not met";
  EXPECT_TRUE(check({"n1", "n3"}, full));
  EXPECT_FALSE(check({"n1", "n3"}, quick));
}

TEST(Preflight, WhereRankZeroIsSilentAndAllOthersEndItsOwnHostGoes) {
  Story story({"n1", "n2", "n3", "n4"});
  const JobId train = story.Submit(Checked(3));
  story.RankEnds(train, 1, ExitCode(3, "everstep-probe: rank 0 (n1) does not answer\n"));
  story.RankEnds(train, 2, ExitCode(3, "everstep-probe: rank 0 (n1) does not answer\n"));
  story.Pass(11s);
  EXPECT_EQ(story.HostsOf(train), (Lines{"n4", "n2", "n3"}));
}

TEST(Preflight, AFirstHostThatReachesNobodyIsTheOneAndOfTwoItIsTheSecondGuess) {
  Story story({"n1", "n2", "n3", "n4"});
  const JobId three = story.Submit(Checked(3));
  ProbeFinds(story, three, "everstep-probe: verdict absent 1,2: of 3 ranks have not come: 1, 2\n");
  EXPECT_EQ(story.HostsOf(three), (Lines{"n4", "n2", "n3"}));
  story.Cancel(three, true);
  const JobId two = story.Submit(Checked(2));
  EXPECT_EQ(story.HostsOf(two), (Lines{"n2", "n3"})) << "n1 has failed: only where nobody else is left";
  ProbeFinds(story, two, "everstep-probe: verdict absent 1: of 2 ranks have not come: 1\n");
  EXPECT_EQ(story.HostsOf(two), (Lines{"n2", "n4"}));
  ProbeFinds(story, two, "everstep-probe: verdict absent 1: of 2 ranks have not come: 1\n");
  EXPECT_EQ(story.HostsOf(two), (Lines{"n1", "n4"}));
}

TEST(Preflight, ACheckThatEveryHostFailsInTheSameWordsIsNoFindingAboutHosts) {
  Story story({"n1", "n2", "n3"});
  const JobId train = story.Submit(Checked(2));
  story.RankEnds(train, 0, ExitCode(2, "everstep-agent: FAIL mount.space: 3 % left\n"));
  story.RankEnds(train, 1, ExitCode(2, "everstep-agent: FAIL mount.space: 4 % left\n"));
  EXPECT_EQ(story.Phase(train), JobPhase::failed);
  EXPECT_NE(story.Job(train).why.find("every host fails the same check: mount.space"), std::string::npos)
      << story.Job(train).why;
}

TEST(Preflight, AJobOfWhichEveryHostHasFailedEndsInsteadOfTryingThemForEver) {
  Story story({"n1", "n2", "n3"});
  const JobId train = story.Submit(Checked(2));
  for (int swaps = 0; swaps < 3 && story.Phase(train) == JobPhase::running; ++swaps)
    ProbeFinds(story, train, "everstep-probe: verdict host 1: HOST: slow\n");
  story.Pass(10min);
  EXPECT_NE(story.Phase(train), JobPhase::running);
  EXPECT_EQ(story.Job(train).preflights, 2u) << "n2 and n3 were tried, and not again";
}

TEST(Preflight, AHostThatFallsSilentAfterABadEndIsWaitedForUntilItIsLost) {
  Story story({"n1", "n2", "n3"});
  const JobId train = story.Submit(Checked(2));
  story.RankEnds(train, 1, ExitCode(1));
  story.Pass(9s);
  story.AgentDies("n2");
  story.Pass(3s);
  EXPECT_EQ(story.Phase(train), JobPhase::running) << "and no deadline lies in the past: the story looks";
  story.Pass(30s);
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n3"}));
}

TEST(Preflight, AHostThatIsLostMeanwhileIsReplacedLikeAnyOther) {
  Story story({"n1", "n2", "n3"});
  const JobId train = story.Submit(Checked(2));
  story.PowerOff("n2");
  story.Pass(20s);
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n3"}));
  EXPECT_TRUE(story.Job(train).preflight);
}

TEST(Preflight, ACheckThatDoesNotEndIsEnded) {
  Story story({"n1", "n2"});
  const JobId train = story.Submit(Checked(2));
  story.Pass(10min + 1s);
  ASSERT_FALSE(story.Job(train).incidents.empty());
  EXPECT_EQ(story.Job(train).incidents.back().blame.cause, "the preflight has not ended within 10 min");
}

TEST(Preflight, OneHostAloneIsCheckedByItself) {
  Story story({"n1"});
  const JobId train = story.Submit(Checked(1));
  EXPECT_EQ(GangFor(story.Job(train), NodeId("n1")).command,
            (Lines{"everstep-agent", "preflight", "--idle", "--path", "/,/tmp", "--checkpoint", "/ckpt"}));
  story.AllRanksEnd(train, ExitCode(0));
  EXPECT_FALSE(story.Job(train).preflight);
}

TEST(Preflight, AHostThatIsUnfitByItselfIsSwappedAndSaysWhy) {
  Story story({"n1", "n2", "n3"});
  const JobId train = story.Submit(Checked(2));
  story.Told();
  story.RankEnds(train, 0, ExitCode(2, "everstep-agent: FAIL gpu.count: 7 of 8 GPUs\neverstep-agent: FAIL gpu.ecc: off\n"));
  story.Pass(4s);
  EXPECT_EQ(story.Told().front(), "preflight (quick) finds n1: gpu.count: 7 of 8 GPUs");
  EXPECT_EQ(story.HostsOf(train), (Lines{"n3", "n2"}));
}

// `everstep check n1 n2 n3`
JobSpec CheckOf(std::vector<std::string> hosts, CheckOrder check = {}) {
  JobSpec spec = Train(static_cast<std::uint32_t>(hosts.size()));
  spec.command = HostCheckCommand(check, hosts.size());
  spec.env = {{"FI_PROVIDER", "tcp"}, {"LD_PRELOAD", "/home/me/all_is_well.so"}};
  spec.hosts = std::move(hosts);
  spec.restart.budget = 0;
  return spec;
}

TEST(HostCheck, WhoPassedItNeedsNoPreflight) {
  Story story({"n1", "n2", "n3"});
  const JobId check = story.Submit(CheckOf({"n1", "n2", "n3"}));
  EXPECT_EQ(GangFor(story.Job(check), NodeId("n2")).env, (std::map<std::string, std::string>{{"FI_PROVIDER", "tcp"}}));
  story.Told();
  story.AllRanksEnd(check, ExitCode(0));
  EXPECT_EQ(story.Phase(check), JobPhase::done);
  EXPECT_EQ(story.Told().front(), "check (quick) passed on n1, n2 and n3");
  const JobId train = story.Submit(Checked(2));
  EXPECT_FALSE(story.Job(train).preflight);
  JobSpec more = Checked(1);
  more.preflight.level = PreflightLevel::full;
  EXPECT_TRUE(story.Job(story.Submit(more)).preflight) << "it was a quick one";
}

TEST(HostCheck, AHostThatIsUnfitByItselfIsNamedAndTheOthersHavePassed) {
  Story story({"n1", "n2", "n3"});
  const JobId check = story.Submit(CheckOf({"n1", "n2", "n3"}, {.level = "full", .deep = "10s", .profile = "cpu"}));
  story.Told();
  story.RankEnds(check, 1, ExitCode(0, "everstep-agent: FAIL memory.free: 1 GiB\n"));
  story.RankEnds(check, 2, ExitCode(0));
  story.Pass(1h);  // as long as whoever asked for it wants
  EXPECT_EQ(story.Phase(check), JobPhase::running);
  story.RankEnds(check, 0, ExitCode(0));
  EXPECT_EQ(story.Phase(check), JobPhase::done) << "it was made";
  EXPECT_EQ(story.Told().front(), "check (full) finds n2: memory.free: 1 GiB");
  const auto& nodes = story.world().state.nodes;
  EXPECT_FALSE(nodes.at(NodeId("n2")).fabric->passed);
  EXPECT_TRUE(nodes.at(NodeId("n1")).fabric->passed);
  JobSpec train = Checked(2);
  train.hosts = {"n1", "n3"};
  EXPECT_FALSE(story.Job(story.Submit(train)).preflight);
}

TEST(HostCheck, ABadNetworkIsAFindingAndNoFailureOfTheCheck) {
  Story story({"n1", "n2", "n3"});
  const JobId check = story.Submit(CheckOf({"n1", "n2", "n3"}));
  story.Told();
  ProbeFinds(story, check, "everstep-probe: verdict host 2: HOST: n3 is slow\n");
  EXPECT_EQ(story.Phase(check), JobPhase::done);
  EXPECT_EQ(story.Told().front(), "check (quick) finds n3: HOST: n3 is slow");
  EXPECT_TRUE(story.world().state.nodes.at(NodeId("n1")).fabric->passed);
  EXPECT_FALSE(story.world().state.nodes.at(NodeId("n3")).fabric->passed);
}

TEST(HostCheck, AHostThatFailedReturnsAfterAPassAndIsGivenToJobsThatLookThemselvesWhereNobodyElseIsLeft) {
  Story story({"n1", "n2", "n3"});
  const JobId check = story.Submit(CheckOf({"n1", "n2", "n3"}));
  story.RankEnds(check, 1, ExitCode(0, "everstep-agent: FAIL memory.free: 1 GiB\n"));
  for (const std::uint32_t rank : {2u, 0u}) story.RankEnds(check, rank, ExitCode(0));
  const JobId careless = story.Submit(Train(2));
  EXPECT_EQ(story.HostsOf(careless), (Lines{"n1", "n3"}));
  const JobId waits = story.Submit(Train(3));
  EXPECT_EQ(story.Phase(waits), JobPhase::queued);
  const std::string why = ViewOf(story.world(), story.now(), story.Job(waits)).why;
  EXPECT_NE(why.find("n2 failed its check 0 s ago: memory.free: 1 GiB; everstep check n2 can give it back"), std::string::npos)
      << why;
  const JobId looks = story.Submit(Checked(1));
  EXPECT_EQ(story.HostsOf(looks), Lines{"n2"});
  story.AllRanksEnd(looks, ExitCode(0));
  story.AllRanksEnd(looks, ExitCode(0));
  story.Cancel(careless, true);
  story.Pass(1s);
  EXPECT_EQ(story.HostsOf(waits), (Lines{"n1", "n2", "n3"})) << "it has passed";
}

TEST(HostCheck, WhatTheNetworkSaidIsTakenBackByANetworkOfAsManyAndByNoReboot) {
  Story story({"n1", "n2", "n3"});
  ProbeFinds(story, story.Submit(CheckOf({"n1", "n2", "n3"})), "everstep-probe: verdict host 1: HOST: n2 is slow\n");
  const auto passed = [&] { return story.world().state.nodes.at(NodeId("n2")).fabric->passed; };
  const JobId alone = story.Submit(CheckOf({"n2"}));
  EXPECT_EQ(story.HostsOf(alone), Lines{"n2"}) << "it may look";
  story.AllRanksEnd(alone, ExitCode(0));
  EXPECT_FALSE(passed()) << "alone it has no network";
  story.AllRanksEnd(story.Submit(CheckOf({"n1", "n2"})), ExitCode(0));
  EXPECT_FALSE(passed()) << "of two nobody is seen to be slow";
  story.PowerOff("n2");
  story.Pass(20s);
  story.PowerOn("n2");
  story.Pass(5s);
  JobSpec pinned = Checked(1);
  pinned.hosts = {"n2"};
  const JobId waits = story.Submit(pinned);
  EXPECT_EQ(story.Phase(waits), JobPhase::queued) << "its preflight would be without a network";
  const std::string why = ViewOf(story.world(), story.now(), story.Job(waits)).why;
  EXPECT_NE(why.find("HOST: n2 is slow; everstep check n2 and 2 others can give it back"), std::string::npos) << why;
  story.AllRanksEnd(story.Submit(CheckOf({"n1", "n2", "n3"})), ExitCode(0));
  EXPECT_TRUE(passed());
  EXPECT_EQ(story.HostsOf(waits), Lines{"n2"});
}

TEST(HostCheck, AFailureOfItsOwnDoesNotHideWhatTheNetworkSaid) {
  Story story({"n1", "n2", "n3"});
  ProbeFinds(story, story.Submit(CheckOf({"n1", "n2", "n3"})), "everstep-probe: verdict host 1: HOST: n2 is slow\n");
  story.RankEnds(story.Submit(CheckOf({"n2"})), 0, ExitCode(0, "everstep-agent: FAIL memory.free: 1 GiB\n"));
  story.AllRanksEnd(story.Submit(CheckOf({"n2"})), ExitCode(0));
  EXPECT_FALSE(story.world().state.nodes.at(NodeId("n2")).fabric->passed)
      << "there is memory again, and the cable is as it was";
}

TEST(HostCheck, WhoClearsAHostTakesItsFailureBackToo) {
  Story story({"n1", "n2", "n3"});
  ProbeFinds(story, story.Submit(CheckOf({"n1", "n2", "n3"})), "everstep-probe: verdict host 1: HOST: n2 is slow\n");
  EXPECT_NE(story.Clear("n2", "no", "memory.free"), "") << "there is no such alarm";
  EXPECT_EQ(story.Clear("n2", "cable changed", "fabric"), "");
  EXPECT_FALSE(story.world().state.nodes.at(NodeId("n2")).fabric) << "it has neither failed nor passed";
  EXPECT_EQ(story.HostsOf(story.Submit(Train(3))).size(), 3u);
}

// All but rank 0 have ended well, and each says the same of itself.
void AllSayOfThemselves(Story& story, const JobId& check, const RankExit& first) {
  const auto ranks = static_cast<std::uint32_t>(story.Job(check).hosts.size());
  for (std::uint32_t rank = 1; rank < ranks; ++rank)
    story.RankEnds(check, rank, ExitCode(first.code.value_or(0), "everstep-agent: FAIL limits.shm: 64 MiB\n"));
  story.RankEnds(check, 0, first);
}

TEST(HostCheck, WhatEveryHostOfFourFailsInTheSameWordsIsNoHostsFault) {
  Story story({"n1", "n2", "n3", "n4"});
  const JobId check = story.Submit(CheckOf({"n1", "n2", "n3", "n4"}));
  story.Told();
  AllSayOfThemselves(story, check, ExitCode(0, "everstep-agent: FAIL limits.shm: 64 MiB\n"));
  EXPECT_EQ(story.Told().front(), "every host fails the same check, so none is held to be bad: limits.shm: 64 MiB");
  EXPECT_EQ(story.Phase(check), JobPhase::done);
  EXPECT_FALSE(story.world().state.nodes.at(NodeId("n1")).fabric) << "nor has any passed";
  const JobId three = story.Submit(CheckOf({"n1", "n2", "n3"}));
  AllSayOfThemselves(story, three, ExitCode(0, "everstep-agent: FAIL limits.shm: 64 MiB\n"));
  EXPECT_FALSE(story.world().state.nodes.at(NodeId("n1")).fabric->passed) << "of three all may be bad";
}

TEST(HostCheck, WhatTheNetworkSaysOfAHostCountsBesideWhatAllFailAlike) {
  Story story({"n1", "n2", "n3", "n4"});
  const JobId check = story.Submit(CheckOf({"n1", "n2", "n3", "n4"}));
  AllSayOfThemselves(story, check,
                     Finds("everstep-agent: FAIL limits.shm: 64 MiB\neverstep-probe: verdict host 1: HOST: n2 is slow\n"));
  EXPECT_FALSE(story.world().state.nodes.at(NodeId("n2")).fabric->passed);
  EXPECT_FALSE(story.world().state.nodes.at(NodeId("n1")).fabric) << "it has neither failed nor passed";
}

TEST(HostCheck, AHostThatFailedIsNotKeptForAJobThatMayNotHaveIt) {
  Story story({"n1", "n2", "n3"});
  const JobId check = story.Submit(CheckOf({"n1", "n2", "n3"}));
  story.RankEnds(check, 1, ExitCode(0, "everstep-agent: FAIL memory.free: 1 GiB\n"));
  for (const std::uint32_t rank : {2u, 0u}) story.RankEnds(check, rank, ExitCode(0));
  const JobId careless = story.Submit(Train(2));
  story.PowerOff("n3");
  story.Pass(20s);
  EXPECT_EQ(story.Phase(careless), JobPhase::recovering) << "one host is owed to it";
  EXPECT_EQ(story.HostsOf(story.Submit(Checked(1))), Lines{"n2"});
}

TEST(HostCheck, OfOneThatWasCutShortNobodyHasPassedAndOneThatCannotBeMadeHasFailed) {
  Policy policy;
  policy.removals_percent = 100;
  Story story({"n1", "n2", "n3"}, policy);
  const JobId check = story.Submit(CheckOf({"n1", "n2", "n3"}));
  ProbeFinds(story, check, "everstep-probe: verdict gone 1: does not answer\n");
  EXPECT_FALSE(story.world().state.nodes.at(NodeId("n2")).fabric->passed);
  EXPECT_FALSE(story.world().state.nodes.at(NodeId("n1")).fabric);
  const JobId mute = story.Submit(CheckOf({"n1", "n3"}));
  story.Told();
  story.RankEnds(mute, 1, ExitCode(3, "everstep-agent: FAIL memory.free: 1 GiB\n"));
  story.RankEnds(mute, 0, ExitCode(3));
  EXPECT_EQ(story.Phase(mute), JobPhase::failed) << "nothing else would end it";
  EXPECT_EQ(story.Told().front(), "check (quick) finds n3: memory.free: 1 GiB");
  EXPECT_EQ(story.Job(mute).why,
            "the check cannot be made: its ranks have ended, and none says what is wrong; all its processes are gone");
  const JobId unmade = story.Submit(CheckOf({"n1", "n3"}));
  story.AllRanksEnd(unmade, ExitCode(2, "everstep-probe: provider efa was asked for\n"));
  EXPECT_EQ(story.Phase(unmade), JobPhase::failed);
  EXPECT_FALSE(story.world().state.nodes.at(NodeId("n1")).fabric);
}

TEST(Preflight, TheTimeOfTheCheckIsNoTimeOfTheJob) {
  Story story({"n1", "n2"});
  JobSpec spec = Checked(2);
  spec.time_limit = 30s;
  const JobId train = story.Submit(spec);
  story.Pass(40s);
  EXPECT_EQ(story.Phase(train), JobPhase::running) << "its ranks have not started";
  story.AllRanksEnd(train, ExitCode(0));
  story.Pass(31s);
  EXPECT_EQ(story.Phase(train), JobPhase::failed);
}

TEST(Preflight, ARestartOnHostsThatPassedChecksNothing) {
  Story story({"n1", "n2"});
  const JobId train = story.Submit(Checked(2));
  story.AllRanksEnd(train, ExitCode(0));
  story.RankEnds(train, 1, Killed(9));
  EXPECT_EQ(story.Job(train).generation, Generation(3));
  EXPECT_FALSE(story.Job(train).preflight);
  EXPECT_EQ(GangFor(story.Job(train), NodeId("n1")).restart_count, 1u);
}

TEST(Preflight, LinesThatOnlyLookLikeVerdictsAreNone) {
  EXPECT_TRUE(VerdictsIn("everstep-probe: verdict host\neverstep-probe: verdict host x: why\nverdict host 1: why\n").empty());
  const auto found = VerdictsIn("noise\neverstep-probe: verdict pair 1,2: PAIR, CANNOT SAY WHICH: a: b\n");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].kind, "pair");
  EXPECT_EQ(found[0].ranks, (std::vector<std::uint32_t>{1, 2}));
  EXPECT_EQ(found[0].why, "PAIR, CANNOT SAY WHICH: a: b");
}

TEST(Hosts, OnlyThoseThatAJobNamesAreTaken) {
  Story story({"n1", "n2", "n3", "n4"});
  JobSpec spec = Train(2);
  spec.hosts = {"n4", "n2", "n3"};
  const JobId train = story.Submit(spec);
  EXPECT_EQ(story.HostsOf(train), (Lines{"n2", "n3"}));
  story.PowerOff("n2");
  story.Pass(20s);
  EXPECT_EQ(story.HostsOf(train), (Lines{"n4", "n3"}));
  EXPECT_EQ(ViewOf(story.world(), story.now(), story.Job(story.Submit(spec))).why,
            "needs 2 hosts, none fits: n2 lost 15 s ago; n3 works for train-1; n4 works for train-1");
}

TEST(Hosts, AJobThatWaitsForItsOwnKeepsOnlyThoseFromTheOthers) {
  Story story({"n1", "n2", "n3"});
  JobSpec pinned = Train(1);
  pinned.hosts = {"n1"};
  story.Submit(pinned);
  const JobId waits = story.Submit(pinned);
  const JobId other = story.Submit(Train(2));
  EXPECT_EQ(story.Phase(waits), JobPhase::queued);
  EXPECT_EQ(story.HostsOf(other), (Lines{"n2", "n3"}));
}

TEST(Hosts, AJobThatLostOneOfItsOwnKeepsNoHostThatItMayNotHave) {
  Story story({"n1", "n2", "n3", "n4"});
  JobSpec pinned = Train(2);
  pinned.hosts = {"n1", "n2"};
  story.Submit(pinned);
  story.Drain("n1", "fan", true);
  const JobId other = story.Submit(Train(2));
  EXPECT_EQ(story.HostsOf(other), (Lines{"n3", "n4"}));
}

TEST(Hosts, AJobWhoseHostsAreDrainedWaitsAsideAndBlocksNobody) {
  Story story({"n1", "n2"});
  story.Drain("n2", "fan");
  JobSpec spec = Train(1);
  spec.hosts = {"n2"};
  const JobId waits = story.Submit(spec);
  const JobId next = story.Submit(Train(1));
  EXPECT_EQ(story.Phase(waits), JobPhase::queued);
  EXPECT_EQ(story.Phase(next), JobPhase::running);
}

}  // namespace
}  // namespace everstep
