// An Xid that comes back to the same GPU, in other jobs or after a remedy, asks for more.
#include "base/text.h"
#include "health/catalogue/catalogue.h"
#include "tests/story/story.h"

namespace everstep {
namespace {

using enum HealthAction;

Policy WithXids() {
  Policy policy;
  policy.removals_percent = 100;
  policy.xids = health::LoadCatalogue("")->xids;
  return policy;
}

class XidStory : public Story {
 public:
  explicit XidStory(const std::vector<std::string>& hosts) : Story(hosts, WithXids()) {}
  // As the host's monitor tells it.
  void Xid(const std::string& name, std::uint32_t code, HealthAction action, const std::string& gpu = "GPU at 0000:18:00") {
    Pass(1min);
    HostHealth& health = Host(name).health;
    health.watched = true;
    health.alarms = {{.check = "gpu.xid",
                      .scope = gpu,
                      .fail = action > app,
                      .action = action,
                      .why = Cat("Xid ", code, " of 0000:18:00: what it is: ", Name(action)),
                      .since = now().at}};
    health.failing = action > app ? 1 : 0;
    Reports(name);
  }
  void Over(const std::string& name) {
    Host(name).health.failing = 0;
    Mends(name, "gpu.xid");
  }
  void Reboots(const std::string& name) {
    Host(name).health = {};
    PowerOff(name);
    Pass(30s);
    PowerOn(name);
    Pass(1min);
    Watched(name);
  }
  // A job of its own on the host, during which the Xid comes.
  void JobHit(const std::string& name, std::uint32_t code, const std::string& gpu = "GPU at 0000:18:00") {
    JobSpec spec = Train(1);
    spec.hosts = {name};
    const JobId job = Submit(spec);
    Xid(name, code, app, gpu);
    AllRanksEnd(job, ExitCode(0));
    Over(name);
  }
  std::optional<HealthAction> Action(const std::string& name) const {
    const auto& quarantine = world().state.nodes.at(NodeId(name)).quarantine;
    return quarantine ? std::optional(quarantine->action) : std::nullopt;
  }
};

TEST(XidHistory, TheThirdJobThatOneXidHitsOnOneGpuWithinADayIsNotTheJobsFault) {
  XidStory story({"n1", "n2"});
  story.JobHit("n1", 31);
  story.JobHit("n1", 31);
  EXPECT_FALSE(story.Action("n1"));
  story.RestartLauncher();
  story.Told();
  story.JobHit("n1", 31);
  EXPECT_EQ(story.Action("n1"), reset);
  const Lines told = story.Told();
  const auto says = [](const std::string& line) {
    return line.find("Xid 31 of 0000:18:00 hit 3 different jobs on this GPU within 24 h: not the jobs' fault") !=
           std::string::npos;
  };
  EXPECT_TRUE(std::any_of(told.begin(), told.end(), says));
}

TEST(XidHistory, TheSameJobAnotherCodeAnotherGpuAndTheDayBeforeDoNotCount) {
  XidStory story({"n1", "n2"});
  const JobId train = story.Submit(Train(1));
  for (int i = 0; i < 4; ++i) story.Xid("n1", 31, app);
  EXPECT_FALSE(story.Action("n1")) << "one job";
  story.AllRanksEnd(train, ExitCode(0));
  story.Over("n1");
  story.JobHit("n1", 13);
  story.JobHit("n1", 43);
  EXPECT_FALSE(story.Action("n1")) << "other codes";
  story.JobHit("n1", 31);
  EXPECT_FALSE(story.Action("n1")) << "the second job";
  story.JobHit("n1", 31, "GPU at 0000:2a:00");
  story.JobHit("n1", 31, "GPU at 0000:3b:00");
  EXPECT_FALSE(story.Action("n1")) << "other GPUs";
  story.Pass(24h);
  story.JobHit("n1", 31);
  EXPECT_FALSE(story.Action("n1")) << "the two of the day before";
  story.JobHit("n1", 31);
  EXPECT_FALSE(story.Action("n1")) << "the second of this day";
  story.JobHit("n1", 31);
  EXPECT_EQ(story.Action("n1"), reset);
}

TEST(XidHistory, WhatComesBackAfterOneRemedyIsReplacedWhereTheTableSaysSo) {
  XidStory story({"n1", "n2"});
  story.Xid("n1", 79, reboot);
  EXPECT_EQ(story.Action("n1"), reboot);
  story.Xid("n1", 79, reboot);
  EXPECT_EQ(story.Action("n1"), reboot) << "nothing has been done yet";
  story.Reboots("n1");
  EXPECT_FALSE(story.Action("n1"));
  story.Told();
  story.Xid("n1", 79, reboot);
  EXPECT_EQ(story.Action("n1"), replace);
  EXPECT_EQ(story.Told().front(), "n1: gpu.xid of GPU at 0000:18:00: Xid 79 of 0000:18:00 came back after 1 remedy: replace");
}

TEST(XidHistory, WithoutAWordOfTheTableTwoRemediesLeadOneStepUp) {
  XidStory story({"n1", "n2"});
  for (int i = 0; i < 2; ++i) {
    story.Xid("n1", 46, reset);
    EXPECT_EQ(story.Action("n1"), reset);
    story.Reboots("n1");
  }
  story.Xid("n1", 46, reset);
  EXPECT_EQ(story.Action("n1"), reboot);
}

TEST(XidHistory, AJobThatHitsItOnOtherGpusTooIsItsCause) {
  XidStory story({"n1", "n2", "n3", "n4"});
  for (int i = 0; i < 4; ++i) {
    JobSpec spec = Train(2);
    spec.hosts = {"n1", "n2"};
    const JobId job = story.Submit(spec);
    story.Xid("n1", 31, app);
    story.Xid("n2", 31, app);
    story.AllRanksEnd(job, ExitCode(0));
    story.Over("n1");
    story.Over("n2");
  }
  EXPECT_FALSE(story.Action("n1"));
  EXPECT_FALSE(story.Action("n2"));
}

TEST(XidHistory, AJobThatHitOneGpuTwiceIsOneJobAndNoCauseOfItsOwn) {
  XidStory story({"n1", "n2", "n3"});
  for (int i = 0; i < 3; ++i) {
    JobSpec spec = Train(2);
    spec.hosts = {"n1", "n2"};
    const JobId job = story.Submit(spec);
    story.Xid("n1", 31, app);
    story.Xid("n1", 31, app);
    if (i < 2) story.AllRanksEnd(job, ExitCode(0));
    if (i < 2) story.Over("n1");
  }
  EXPECT_EQ(story.Action("n1"), reset) << "three jobs of two hosts, and each time on this GPU alone";
}

// What the monitor of n4 calls the program's doing has become more than that.
TEST(XidHistory, AHostWhoseXidHasComeBackIsAmongThoseThatFailTheCheck) {
  XidStory story({"n1", "n2", "n3", "n4"});
  for (const char* name : {"n1", "n2", "n3", "n4"}) story.Watched(name);
  story.JobHit("n4", 31);
  story.JobHit("n4", 31);
  for (const char* name : {"n1", "n2", "n3"}) story.Xid(name, 46, reset);
  EXPECT_EQ(story.Action("n3"), reset);
  JobSpec spec = Train(1);
  spec.hosts = {"n4"};
  story.Submit(spec);
  story.Told();
  story.Xid("n4", 31, app);
  const Lines told = story.Told();
  EXPECT_NE(told.front().find("asks for reset: all 4 hosts fail gpu.xid, so the check is taken for broken"), std::string::npos)
      << told.front();
  for (const char* name : {"n1", "n2", "n3", "n4"}) EXPECT_FALSE(story.Action(name)) << name;
}

TEST(XidHistory, ARemedyCountsForTheCodeThatAskedForIt) {
  XidStory story({"n1", "n2"});
  story.Xid("n1", 46, reset);
  story.Xid("n1", 79, reboot);
  EXPECT_EQ(story.Action("n1"), reboot) << "79 asks for more than 46 did";
  story.Reboots("n1");
  story.Xid("n1", 79, reboot);
  EXPECT_EQ(story.Action("n1"), replace) << "it came back after a reboot made for it";
}

TEST(XidHistory, OneThatWaitsBehindAnotherCodeStillComesBack) {
  XidStory story({"n1", "n2"});
  story.Xid("n1", 79, reboot);
  story.Reboots("n1");
  story.Xid("n1", 46, reset);
  EXPECT_EQ(story.Action("n1"), reset);
  story.Xid("n1", 79, reboot);
  EXPECT_EQ(story.Action("n1"), replace) << "the reboot of before was made for 79, and 46 is what waits";
}

TEST(XidHistory, FollowsTheGpuToTheHostThatItIsInNow) {
  XidStory story({"n1", "n2"});
  const HostGpu gpu{.scope = "GPU at 0000:18:00", .uuid = "GPU-5c8f"};
  story.Host("n1").health.gpus = {gpu};
  story.Xid("n1", 79, reboot);
  story.Reboots("n1");
  story.Host("n1").health.gpus = {{.scope = gpu.scope, .uuid = "GPU-0001"}};
  story.Reports("n1");
  story.Host("n2").health.gpus = {gpu};
  story.Xid("n2", 79, reboot);
  EXPECT_EQ(story.Action("n2"), replace);
}

TEST(XidHistory, WhoClearsTheHostForgivesIt) {
  XidStory story({"n1", "n2"});
  story.Xid("n1", 79, reboot);
  story.Reboots("n1");
  EXPECT_EQ(story.Clear("n1", "reseated"), "");
  story.Xid("n1", 79, reboot);
  EXPECT_EQ(story.Action("n1"), reboot);
}

}  // namespace
}  // namespace everstep
