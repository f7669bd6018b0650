// Hosts whose own monitors raise alarms.
#include "launcher/core/host_health.h"

#include "base/text.h"
#include "launcher/core/status.h"
#include "tests/story/story.h"

namespace everstep {
namespace {

using enum HealthAction;

NodeView Node(const Story& story, const std::string& node) {
  return ViewOf(story.world(), story.now(), story.world().state.nodes.at(NodeId(node)));
}

// One host in two may go within an hour: enough for stories that are about something else.
Policy Lenient() {
  Policy policy;
  policy.removals_percent = 50;
  return policy;
}

TEST(Health, WhatAsksForNothingIsNotedAndTheJobGoesOn) {
  Story story({"n1", "n2"});
  const JobId train = story.Submit(Train(2));
  story.Told();
  story.Raises("n2", "net.errors", note);
  story.Raises("n2", "gpu.xid", app, "GPU at 0000:18:00");
  EXPECT_EQ(story.Told(),
            (Lines{"n2: net.errors: 7, and more than 3 is bad; noted",
                   "n2: gpu.xid of GPU at 0000:18:00: 7, and more than 3 is bad; the program's doing, the host stays"}));
  EXPECT_EQ(story.Job(train).generation, Generation(1));
  EXPECT_EQ(Node(story, "n2").phase, NodePhase::ready);
  EXPECT_EQ(Node(story, "n2").health->alarms.size(), 2u);
  story.Mends("n2", "net.errors");
  EXPECT_EQ(story.Told(), Lines{"n2: net.errors is over"});
  EXPECT_EQ(Node(story, "n2").health->alarms.size(), 1u);
}

TEST(Health, AHostToBeDrainedKeepsItsJobUntilTheNextCheckpoint) {
  Story story({"n1", "n2", "n3"});
  const JobId train = story.Submit(Train(2));
  story.Saves(train, "step-10.pt", 10);
  story.Told();
  story.Raises("n2", "mem.ecc", drain);
  EXPECT_EQ(story.Told().back(),
            "n2 is taken out of work, drain: mem.ecc: 7, and more than 3 is bad; train-1 moves to another host, if one is "
            "free, at its next "
            "checkpoint, "
            "in 15 min at the latest");
  story.Pass(1min);
  EXPECT_EQ(story.Job(train).generation, Generation(1)) << "it trains on";
  story.Saves(train, "step-20.pt", 20);
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n3"}));
  EXPECT_EQ(story.Phase(train), JobPhase::running);
  EXPECT_EQ(story.Job(train).restarts_total, 0u) << "nothing of the job has failed";
}

TEST(Health, AJobThatSavesNothingInTimeMovesAllTheSame) {
  Story story({"n1", "n2", "n3"});
  const JobId train = story.Submit(Train(2));
  story.Raises("n2", "mem.ecc", drain);
  story.Pass(14min);
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n2"}));
  story.Pass(2min);
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n3"}));
}

TEST(Health, AJobWithoutCheckpointsIsNotThrownAwayForAHostThatWorks) {
  Story story({"n1", "n2", "n3"});
  JobSpec spec = Train(2);
  spec.checkpoint.reset();
  const JobId train = story.Submit(spec);
  story.Told();
  story.Raises("n2", "mem.ecc", drain);
  EXPECT_EQ(story.Told().back(),
            "n2 is taken out of work, drain: mem.ecc: 7, and more than 3 is bad; train-1, which has no checkpoints, "
            "goes on there to its end");
  story.Pass(1h);
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n2"}));
  story.AllRanksEnd(train, ExitCode(0));
  const JobId next = story.Submit(Train(3));
  EXPECT_EQ(story.Phase(next), JobPhase::queued);
  EXPECT_EQ(Node(story, "n2").phase, NodePhase::quarantined);
}

TEST(Health, AHostToBeRebootedIsLeftAtOnceAndComesBackByAPassOfItsNextLife) {
  Policy policy;
  policy.remedies = {reboot};
  Story story({"n1", "n2", "n3"}, policy);
  const JobId train = story.Submit(Train(2));
  story.Told();
  story.Raises("n2", "gpu.xid", reboot, "GPU at 0000:18:00");
  const Lines told = story.Told();
  EXPECT_EQ(told.at(1),
            "n2 is taken out of work, reboot: gpu.xid of GPU at 0000:18:00: 7, and more than 3 is bad; train-1 moves to "
            "another host at once");
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n3"}));
  const auto hook =
      std::find(told.begin(), told.end(),
                "the site's hook for reboot is run for n2: gpu.xid of GPU at 0000:18:00: 7, and more than 3 is bad");
  ASSERT_NE(hook, told.end());
  EXPECT_LT(std::find(told.begin(), told.end(), "n2 reported generation 1 empty"), hook) << "its work leaves it first";
  story.RemedyHookSays("n2", true);
  story.PowerOff("n2");
  story.Pass(30s);
  story.PowerOn("n2");
  story.Pass(1min);
  EXPECT_EQ(Node(story, "n2").phase, NodePhase::quarantined) << "nobody has looked at it yet";
  story.Told();
  story.Watched("n2");
  EXPECT_EQ(story.Told(), (Lines{"n2: gpu.xid of GPU at 0000:18:00 is over",
                                 "n2 may be given work again: gpu.xid is over, and it has passed its checks since"}));
  EXPECT_EQ(Node(story, "n2").phase, NodePhase::ready);
}

TEST(Health, AHostToBeRebootedDoesNotComeBackBecauseTheAlarmIsOver) {
  Story story({"n1", "n2", "n3"});
  story.Raises("n2", "gpu.xid", reboot);
  story.Mends("n2", "gpu.xid");
  EXPECT_EQ(Node(story, "n2").phase, NodePhase::quarantined);
  story.Raises("n3", "mem.ecc", drain);
}

TEST(Health, AHostThatFailsAgainAfterItsRebootDoesNotComeBack) {
  Story story({"n1", "n2", "n3"});
  story.Raises("n2", "gpu.xid", reboot);
  story.PowerOff("n2");
  story.Pass(30s);
  story.PowerOn("n2");
  story.Host("n2").health.failing = 1;  // its first look has found something; two are needed for an alarm
  story.Watched("n2");
  EXPECT_EQ(Node(story, "n2").phase, NodePhase::quarantined);
}

TEST(Health, WhoOnlyObservesIsToldWhatWouldHaveBeenDone) {
  Policy policy;
  policy.health = HealthMode::observe;
  Story story({"n1", "n2", "n3"}, policy);
  const JobId train = story.Submit(Train(2));
  story.Told();
  story.Raises("n2", "gpu.xid", reboot);
  EXPECT_EQ(story.Told(),
            Lines{"n2: gpu.xid: 7, and more than 3 is bad; asks for reboot: health.mode is observe, so nothing is done"});
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n2"}));
  EXPECT_EQ(Node(story, "n2").phase, NodePhase::ready);
  EXPECT_EQ(Node(story, "n2").health->offences, "") << "it is not kept away for it either";
}

TEST(Health, OfTenHostsOneAnHourAndNoMore) {
  Story story({"n1", "n2", "n3", "n4", "n5"});
  for (const char* name : {"n1", "n4", "n5"}) story.Watched(name);
  story.Raises("n2", "mem.ecc", drain);
  story.Told();
  story.Raises("n3", "mem.ecc", drain);
  EXPECT_EQ(story.Told(),
            Lines{"n3: mem.ecc: 7, and more than 3 is bad; asks for drain: checks have taken 1 of 5 hosts out of work "
                  "within 1 h and no more than 1 may go (health.removals_percent: 10), so it stays, and is weighed again in "
                  "1 h; to do it by hand: everstep drain n3"});
  EXPECT_EQ(Node(story, "n3").phase, NodePhase::ready);
  story.Pass(20min);
  EXPECT_EQ(
      Node(story, "n3").why,
      "put off, drain: mem.ecc: 7, and more than 3 is bad; checks have taken 1 of 5 hosts out of work within "
      "1 h and no more than 1 may go (health.removals_percent: 10), so it stays, and is weighed again in 40 min; to do it "
      "by hand: everstep drain n3");
  story.Pass(41min);
  EXPECT_EQ(Node(story, "n3").phase, NodePhase::quarantined) << "the hour is over, and its alarm stands";
}

TEST(Health, WhoWasPutOffAndIsWellAgainStays) {
  Story story({"n1", "n2", "n3", "n4", "n5"});
  story.Raises("n2", "mem.ecc", drain);
  story.Raises("n3", "mem.ecc", drain);
  story.Pass(30min);
  story.Mends("n3", "mem.ecc");
  EXPECT_EQ(Node(story, "n3").why.find("put off"), std::string::npos);
  story.Pass(31min);
  EXPECT_EQ(Node(story, "n3").phase, NodePhase::ready);
}

TEST(Health, WhoWasPutOffIsGivenToAJobAfterAllOthers) {
  Story story({"n1", "n2", "n3", "n4", "n5"});
  story.Raises("n5", "mem.ecc", drain);
  story.Raises("n1", "mem.ecc", drain);
  EXPECT_EQ(story.HostsOf(story.Submit(Train(2))), (Lines{"n2", "n3"}));
  EXPECT_EQ(story.HostsOf(story.Submit(Train(2))), (Lines{"n4", "n1"})) << "nobody else is left";
}

TEST(Health, OfSeveralThatWerePutOffOneGoesAnHour) {
  Story story({"n1", "n2", "n3", "n4", "n5"});
  for (const char* name : {"n1", "n2", "n3"}) story.Raises(name, "mem.ecc", drain);
  const auto out = [&] {
    std::size_t count = 0;
    for (const char* name : {"n1", "n2", "n3"}) count += Node(story, name).phase == NodePhase::quarantined ? 1 : 0;
    return count;
  };
  for (const std::size_t gone : {1u, 2u, 3u}) {
    EXPECT_EQ(out(), gone);
    story.Pass(61min);
  }
}

TEST(Health, ACheckThatAllHostsFailIsBrokenAndNobodyIsDrained) {
  Story story({"n1", "n2", "n3", "n4"}, Lenient());
  for (const char* name : {"n1", "n2", "n3", "n4"}) story.Watched(name);
  story.Raises("n1", "cpu.clocksource", drain);
  story.Raises("n2", "cpu.clocksource", drain);
  EXPECT_EQ(Node(story, "n2").phase, NodePhase::quarantined);
  story.Raises("n3", "cpu.clocksource", drain);
  story.Told();
  story.Raises("n4", "cpu.clocksource", drain);
  Lines told = story.Told();
  std::sort(told.begin(), told.end());
  EXPECT_EQ(told,
            (Lines{"n1 may be given work again: all 4 hosts fail cpu.clocksource, so the check is taken for broken",
                   "n2 may be given work again: all 4 hosts fail cpu.clocksource, so the check is taken for broken",
                   "n4: cpu.clocksource: 7, and more than 3 is bad; asks for drain: all 4 hosts fail cpu.clocksource, so "
                   "the check is taken for broken and nobody is taken out of work",
                   "what cpu.clocksource has done to hosts within 1 h counts against them no more: all 4 hosts fail it"}));
  for (const char* name : {"n1", "n2", "n3", "n4"}) EXPECT_EQ(Node(story, name).phase, NodePhase::ready) << name;
}

TEST(Health, WhatAPersonHasClearedCountsNoMoreUntilItIsSeenAgain) {
  Story story({"n1", "n2", "n3"});
  story.Raises("n2", "mem.ecc", drain);
  story.Told();
  EXPECT_EQ(story.Clear("n2", "DIMM reseated"), "");
  EXPECT_EQ(story.Told(), (Lines{"n2: all alarms cleared by ann@login1: DIMM reseated",
                                 "n2 may be given work again: cleared by ann@login1"}));
  story.Reports("n2");
  EXPECT_EQ(Node(story, "n2").phase, NodePhase::ready) << "the monitor still tells of the old alarm";
  EXPECT_TRUE(Node(story, "n2").health->alarms.front().cleared);
  EXPECT_EQ(story.Clear("n2"), "nothing to clear");
  story.Pass(1min);
  story.Raises("n2", "mem.ecc", drain);
  EXPECT_EQ(Node(story, "n2").phase, NodePhase::quarantined) << "a new one";
  EXPECT_NE(story.Clear("n9"), "");
}

TEST(Health, AnOperatorsDrainIsNeverUndoneByAPass) {
  Story story({"n1", "n2"});
  story.Drain("n2", "mine");
  story.Raises("n2", "mem.ecc", drain);
  story.Mends("n2", "mem.ecc");
  EXPECT_EQ(Node(story, "n2").phase, NodePhase::drained);
  story.Raises("n2", "mem.ecc", drain);
  story.Undrain("n2");
  EXPECT_EQ(Node(story, "n2").phase, NodePhase::quarantined) << "nor is a quarantine by undrain";
}

TEST(Health, WhatWasTriedTwiceInVainIsFollowedBySomethingStronger) {
  Policy policy = Lenient();
  policy.remedies = {reset};
  Story story({"n1", "n2", "n3"}, policy);
  for (int i = 0; i < 2; ++i) {
    story.Raises("n2", "gpu.hung", reset);
    story.RemedyHookSays("n2", true);
    story.Mends("n2", "gpu.hung");
    ASSERT_EQ(Node(story, "n2").phase, NodePhase::ready);
    story.Pass(1min);
  }
  story.Clear("n2", "", "gpu.hung");  // offences, not what was tried
  story.Told();
  story.Raises("n2", "gpu.hung", reset);
  EXPECT_EQ(story.Told().back(),
            "n2 is taken out of work, reboot (reset was tried 2 times): gpu.hung: 7, and more than 3 is bad; "
            "nothing new is placed there");
}

TEST(Health, WhoseHookHasFailedStaysAndSaysSo) {
  Policy policy;
  policy.remedies = {reset};
  Story story({"n1", "n2"}, policy);
  story.Raises("n2", "gpu.hung", reset);
  story.RemedyHookSays("n2", false);
  story.Mends("n2", "gpu.hung");
  EXPECT_EQ(Node(story, "n2").phase, NodePhase::quarantined);
  EXPECT_EQ(Node(story, "n2").why,
            "quarantined, reset: gpu.hung: 7, and more than 3 is bad; the hook failed (0 s); waits: its device is to be reset");
}

TEST(Health, AHookThatEndedWithItsLauncherIsRunAgain) {
  Policy policy;
  policy.remedies = {reset};
  Story story({"n1", "n2"}, policy);
  story.Raises("n2", "gpu.hung", reset);
  story.RestartLauncher();
  story.Pass(2s);
  EXPECT_EQ(story.world().state.nodes.at(NodeId("n2")).remedies.size(), 1u) << "it is one remedy all the same";
  EXPECT_EQ(Node(story, "n2").phase, NodePhase::quarantined);
  story.RemedyHookSays("n2", true);
}

TEST(Health, WhoOffendsAgainAndAgainIsKeptAwayAndSaysWhy) {
  Story story({"n1", "n2"}, Lenient());
  for (int i = 0; i < 4; ++i) {
    story.Raises("n2", "mem.ecc", drain);
    story.Mends("n2", "mem.ecc");
    story.Pass(1min);
  }
  const JobId train = story.Submit(Train(2));
  EXPECT_EQ(story.Phase(train), JobPhase::queued);
  EXPECT_EQ(Node(story, "n2").phase, NodePhase::ready);
  EXPECT_EQ(Node(story, "n2").why, "kept away: score 4.0 (3.0 keeps a host from work): mem.ecc (4 times); newest 1 min ago");
  story.Clear("n2", "new board");
  EXPECT_EQ(story.Phase(train), JobPhase::running);
}

TEST(Health, ALauncherThatStartsAgainRepeatsNothing) {
  Story story({"n1", "n2", "n3"});
  story.Raises("n2", "mem.ecc", drain);
  story.RestartLauncher();
  story.Pass(2s);
  for (const std::string& line : story.Told()) EXPECT_EQ(line.find("mem.ecc"), line.rfind("mem.ecc")) << line;
  EXPECT_EQ(story.world().state.nodes.at(NodeId("n2")).offences.size(), 1u);
  EXPECT_EQ(Node(story, "n2").phase, NodePhase::quarantined);
}

TEST(Health, WhyAHostIsNotGivenToAJobIsToldForEach) {
  Story story({"n1", "n2", "n3"});
  story.Raises("n2", "mem.ecc", drain);
  story.Submit(Train(1));
  const JobId waits = story.Submit(Train(3));
  const auto views = ViewNodes(story.world(), story.now(), &story.Job(waits));
  EXPECT_EQ(views[0].why_not, "works for train-1");
  EXPECT_EQ(views[1].why_not, "quarantined, drain: mem.ecc: 7, and more than 3 is bad (0 s)");
  EXPECT_EQ(views[2].why_not, "");
}

TEST(Health, TwoAlarmsThatLookAlikeAreOne) {
  Story story({"n1", "n2"});
  HostHealth& health = story.Host("n2").health;
  health.watched = true;
  health.alarms = {{.check = "mount.space", .scope = "/a", .action = note, .why = "a", .since = Time(1s)},
                   {.check = "mount.space", .scope = "/a", .action = app, .why = "b", .since = Time(2s)}};
  story.Reports("n2");
  EXPECT_EQ(Node(story, "n2").health->alarms.size(), 1u);
  EXPECT_EQ(Node(story, "n2").health->alarms.front().action, app) << "the graver one";
}

TEST(Health, AJobDoesNotWaitForAHostThatIsKeptAwayWhereAnotherIsFree) {
  Story story({"n1", "n2", "n3"}, Lenient());
  for (int i = 0; i < 4; ++i) {
    story.Raises("n2", "mem.ecc", drain);
    story.Mends("n2", "mem.ecc");
  }
  story.Clear("n2");
  const JobId train = story.Submit(Train(2));
  ASSERT_EQ(story.HostsOf(train), (Lines{"n1", "n2"}));
  for (int i = 0; i < 4; ++i) {
    story.Raises("n2", "gpu.busy", defer);
    story.Raises("n2", "mem.ecc", drain);
    story.Mends("n2", "mem.ecc");
    story.Mends("n2", "gpu.busy");
  }
  story.RankEnds(train, 1, Killed(9));
  story.Pass(1s);
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n3"}));
}

TEST(Health, WhoIsClearedOfOneAlarmStaysForAnotherThatStands) {
  Story story({"n1", "n2", "n3"});
  story.Raises("n2", "mem.ecc", replace);
  story.Raises("n2", "gpu.xid", reboot);
  EXPECT_EQ(story.Clear("n2", "", "mem.ecc"), "");
  EXPECT_EQ(Node(story, "n2").phase, NodePhase::quarantined);
  EXPECT_EQ(story.world().state.nodes.at(NodeId("n2")).quarantine->check, "gpu.xid");
  EXPECT_EQ(story.Clear("n2", "", "gpu.typo"), "n2 has no alarm of gpu.typo; there are: gpu.xid");
}

TEST(Health, ASickHostIsTakenOutOnceTheOthersPassAgain) {
  Policy policy;
  policy.removals_percent = 100;
  Story story({"n1", "n2", "n3", "n4"}, policy);
  for (const char* name : {"n1", "n2", "n3", "n4"}) story.Watched(name);
  for (const char* name : {"n1", "n2", "n3", "n4"}) story.Raises(name, "mount.latency", drain);
  for (const char* name : {"n1", "n2", "n3"}) story.Mends(name, "mount.latency");
  EXPECT_EQ(Node(story, "n4").phase, NodePhase::quarantined);
  for (const char* name : {"n1", "n2", "n3"}) EXPECT_EQ(Node(story, name).phase, NodePhase::ready) << name;
}

TEST(Health, AJobThatHasNowhereToGoStaysWhereItWorks) {
  Story story({"n1", "n2"});
  const JobId train = story.Submit(Train(2));
  story.Raises("n2", "mem.ecc", drain);
  story.Saves(train, "step-20.pt", 20);
  story.Pass(1h);
  EXPECT_EQ(story.Phase(train), JobPhase::running) << "it works as long as it works";
  EXPECT_EQ(story.Job(train).generation, Generation(1));
  story.Up("n3");
  story.Pass(1s);
  EXPECT_EQ(story.HostsOf(train), (Lines{"n1", "n3"}));
}

TEST(Health, WhileItsHookRunsAHostIsNotCleared) {
  Policy policy;
  policy.remedies = {reset};
  Story story({"n1", "n2"}, policy);
  story.Raises("n2", "gpu.hung", reset);
  EXPECT_EQ(story.Clear("n2"), "the hook that is to reset n2 runs; clear it once that has ended: everstep events --node n2 -f");
  story.RemedyHookSays("n2", false);
  EXPECT_EQ(story.Clear("n2"), "");
}

TEST(Health, WhoObservesNowRunsNoHookAndMovesNobodyForWhatWasDecidedBefore) {
  Story story({"n1", "n2", "n3"});
  JobSpec spec = Train(1);
  spec.hosts = {"n2"};
  const JobId train = story.Submit(spec);
  story.Raises("n2", "gpu.hung", reset);
  World world = story.world();
  const NodeState& node = world.state.nodes.at(NodeId("n2"));
  world.policy.remedies = {reset};
  EXPECT_TRUE(RemedyDue(world, node).has_value());
  EXPECT_NE(LeavesBecause(world, story.now(), story.Job(train), node), "");
  world.policy.health = HealthMode::observe;
  EXPECT_FALSE(RemedyDue(world, node).has_value());
  EXPECT_EQ(LeavesBecause(world, story.now(), story.Job(train), node), "");
}

TEST(Health, AnotherMachineUnderTheOldNameInheritsNoOffences) {
  Story story({"n1", "n2", "n3"}, Lenient());
  story.Raises("n2", "mem.ecc", drain);
  story.Mends("n2", "mem.ecc");
  story.Raises("n2", "gpu.dead", replace);
  story.PowerOff("n2");
  story.Pass(30s);
  story.Host("n2").amnesia = true;  // a state directory of its own
  story.PowerOn("n2");
  story.Watched("n2");
  story.Pass(1s);
  EXPECT_EQ(Node(story, "n2").phase, NodePhase::ready);
  EXPECT_EQ(Node(story, "n2").health->offences, "");
  EXPECT_EQ(story.HostsOf(story.Submit(Train(3))), (Lines{"n1", "n2", "n3"}));
}

// ---- offences: of hosts, of GPUs that are followed, of checks that were broken
// ------------------------------------------------

// It does so four times, and is kept away for it.
void Offends(Story& story, const std::string& host, const std::string& check, const std::string& scope = {}) {
  for (int i = 0; i < 4; ++i) {
    story.Raises(host, check, drain, scope);
    story.Mends(host, check);
    story.Pass(1min);
  }
}

void HasGpu(Story& story, const std::string& host, const std::string& uuid) {
  story.Host(host).health.gpus = {{.scope = "GPU 0 at 0000:3b:00", .uuid = "GPU-quiet"},
                                  {.scope = "GPU 1 at 0000:18:00", .uuid = uuid}};
  story.Watched(host);
}

TEST(Health, AGpuThatWasMovedKeepsItsNewHostAwayAndItsOldOneNoMore) {
  Story story({"n1", "n2", "n3"}, Lenient());
  HasGpu(story, "n1", "GPU-bad");
  HasGpu(story, "n2", "GPU-good");
  Offends(story, "n1", "gpu.ecc", "GPU at 0000:18:00");
  EXPECT_EQ(Node(story, "n1").why,
            "kept away: score 4.0 (3.0 keeps a host from work): gpu.ecc of GPU-bad (4 times); newest 0 s ago");
  story.Told();
  HasGpu(story, "n1", "GPU-new");
  EXPECT_EQ(story.Told(), Lines{"GPU-bad is in n1 no more: what that GPU did counts no more against n1"});
  EXPECT_EQ(Node(story, "n1").why.find("kept away"), std::string::npos) << Node(story, "n1").why;
  HasGpu(story, "n2", "GPU-bad");
  EXPECT_EQ(story.Told(), Lines{"n2 has GPU-bad now, and what that GPU did elsewhere counts here: score 4.0 (3.0 keeps a host "
                                "from work): gpu.ecc of GPU-bad in n1 (4 times); newest 1 min ago"});
  EXPECT_EQ(Node(story, "n2").why.find("kept away: score 4.0"), 0u) << Node(story, "n2").why;
  EXPECT_EQ(story.HostsOf(story.Submit(Train(2))), (Lines{"n1", "n3"}));
}

TEST(Health, AGpuThatIsMovedBackIsKnownAndSoIsItAfterTheLauncherStartsAgain) {
  Story story({"n1", "n2"}, Lenient());
  HasGpu(story, "n1", "GPU-bad");
  Offends(story, "n1", "gpu.ecc", "GPU at 0000:18:00");
  HasGpu(story, "n1", "GPU-new");
  story.RestartLauncher();
  story.Pass(2s);
  HasGpu(story, "n2", "GPU-bad");
  EXPECT_EQ(Node(story, "n2").why.find("kept away"), 0u);
  HasGpu(story, "n2", "GPU-other");
  HasGpu(story, "n1", "GPU-bad");
  EXPECT_EQ(Node(story, "n2").why.find("kept away"), std::string::npos);
  EXPECT_EQ(Node(story, "n1").why.find("kept away"), 0u);
}

TEST(Health, WhatAGpuDidIsForgivenTogetherWithItsHost) {
  Story story({"n1", "n2"}, Lenient());
  HasGpu(story, "n1", "GPU-bad");
  Offends(story, "n1", "gpu.ecc", "GPU at 0000:18:00");
  EXPECT_EQ(story.Clear("n1", "new heat sink", "gpu.ecc"), "");
  EXPECT_EQ(Node(story, "n1").why.find("kept away"), std::string::npos);
  HasGpu(story, "n1", "GPU-new");
  HasGpu(story, "n2", "GPU-bad");
  EXPECT_EQ(Node(story, "n2").why.find("kept away"), std::string::npos);
}

TEST(Health, WhatTheHostItselfDidStaysWithItWhateverBecomesOfItsGpus) {
  Story story({"n1", "n2"}, Lenient());
  HasGpu(story, "n1", "GPU-bad");
  Offends(story, "n1", "mem.ecc");
  story.Host("n1").health.gpus = {{.scope = "GPU 0 at 0000:3b:00", .uuid = "GPU-new"}};  // all of them are others now
  story.Watched("n1");
  EXPECT_EQ(Node(story, "n1").why.find("kept away"), 0u);
}

TEST(Health, AHostThatCannotTellItsGpusKeepsTheOffencesOfTheOneItsAlarmNamed) {
  Story story({"n1", "n2"}, Lenient());
  Offends(story, "n1", "gpu.ecc", "GPU 3 (GPU-bad)");
  ASSERT_EQ(story.world().state.gpu_offences.size(), 4u);
  EXPECT_EQ(story.world().state.gpu_offences.front().who, "GPU-bad");
  EXPECT_EQ(Node(story, "n1").why.find("kept away"), 0u);
  story.Watched("n1");
  EXPECT_EQ(Node(story, "n1").why.find("kept away"), 0u) << "that it tells of no GPU does not mean that it has none";
}

TEST(Health, WhatACheckDidBeforeAllHostsFailedItCountsNoMore) {
  Story story({"n1", "n2", "n3", "n4"}, Lenient());
  for (const char* name : {"n1", "n2", "n3", "n4"}) story.Watched(name);
  Offends(story, "n1", "cpu.clocksource");
  ASSERT_EQ(Node(story, "n1").why.find("kept away"), 0u);
  for (const char* name : {"n1", "n2", "n3", "n4"}) story.Raises(name, "cpu.clocksource", drain);
  for (const char* name : {"n1", "n2", "n3", "n4"}) EXPECT_EQ(Node(story, name).phase, NodePhase::ready) << name;
  EXPECT_EQ(story.HostsOf(story.Submit(Train(4))), (Lines{"n1", "n2", "n3", "n4"}));
}

TEST(Health, WhatItDidLongBeforeStaysAnOffence) {
  Story story({"n1", "n2", "n3", "n4"}, Lenient());
  for (const char* name : {"n1", "n2", "n3", "n4"}) story.Watched(name);
  Offends(story, "n1", "cpu.clocksource");
  story.Pass(2h);
  for (const char* name : {"n1", "n2", "n3", "n4"}) story.Raises(name, "cpu.clocksource", drain);
  EXPECT_EQ(Node(story, "n1").why.find("kept away"), 0u) << "nobody knows that it was broken then";
}

TEST(Health, AHostIsKeptAwayNoMoreOnceItsOffencesHaveFadedThoughNothingElseHappens) {
  Story story({"n1", "n2"}, Lenient());
  for (int i = 0; i < 3; ++i) {
    story.Raises("n2", "mem.ecc", drain);
    story.Mends("n2", "mem.ecc");
  }
  const JobId train = story.Submit(Train(2));
  EXPECT_EQ(story.Phase(train), JobPhase::queued);
  story.Told();
  story.Pass(3s);
  const Lines told = story.Told();
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told.front(), "n2 is kept away no more: its offences have faded");
  EXPECT_EQ(story.Phase(train), JobPhase::running);
}

}  // namespace
}  // namespace everstep
