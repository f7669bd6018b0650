// What a preflight is asked to do, by the job and by the launcher's file, and what is said of what it could not read.
#include "base/contains.h"
#include "launcher/core/preflight.h"
#include "launcher/core/reconcile.h"
#include "tests/story/story.h"

namespace everstep {
namespace {

JobSpec Checked(std::uint32_t nodes) {
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
  const JobId train = story.Submit(Checked(3));
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
  JobSpec spec = Checked(1);
  spec.checkpoint->dir = "/mnt/ckpt/run1";
  spec.preflight.data = {"/data", "/more"};
  EXPECT_EQ(PreflightCommand(spec, 1), (Lines{"everstep-agent", "preflight", "--idle", "--path", "/,/tmp", "--checkpoint",
                                              "/mnt/ckpt/run1", "--data", "/data,/more"}));
  spec.checkpoint->dir = "/mnt/a,b";
  EXPECT_FALSE(Contains(PreflightCommand(spec, 1), std::string("--checkpoint"))) << "the flag takes a list";
}

}  // namespace
}  // namespace everstep
