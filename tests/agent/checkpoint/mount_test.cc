// isolate: mount, without the mount: what lies where, and who may reach it.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "agent/checkpoint/layout.h"
#include "agent/checkpoint/own_directory.h"
#include "agent/checkpoint/pin.h"
#include "agent/checkpoint/publish.h"
#include "agent/checkpoint/ready.h"
#include "agent/checkpoint/verify_resume.h"
#include "agent/checkpoint/watch.h"
#include "base/text.h"
#include "tests/agent/checkpoint/fixtures.h"

namespace everstep {
namespace {

namespace fs = std::filesystem;
using Lines = std::vector<std::string>;

class MountWatch : public testing::Test {
 protected:
  GangKey Gang(std::uint64_t generation) { return {.job = JobId("j-1"), .generation = Generation(generation)}; }
  // What the ranks of a generation see as DIR/name.
  std::string Own(std::uint64_t generation, const std::string& name) {
    return PathIn(SavesDirectory(spec_, Gang(generation)), name);
  }
  CheckpointWatch Start(std::uint64_t generation) {
    EXPECT_TRUE(RecordBefore(dir_.path(), Gang(generation), spec_.complete_when));
    EXPECT_TRUE(MakeDirectories(SavesDirectory(spec_, Gang(generation))));
    return CheckpointWatch(Gang(generation), spec_, {});
  }
  // The launcher registers at once what is told.
  Lines Looks(CheckpointWatch& watch, std::size_t looks = 3) {
    Lines lines;
    for (std::size_t i = 0; i < looks; ++i)
      for (const CheckpointSeen& seen : watch.Look()) {
        lines.push_back(Cat(seen.source, seen.complete ? " complete" : Cat(" wanting: ", seen.why)));
        if (!seen.complete) continue;
        last_ = seen;
        watch.Registered(seen.path);
      }
    return lines;
  }
  Lines Shown() {
    Lines names = Names(dir_.path());
    std::erase(names, ".everstep");
    return names;
  }

  const TempDir dir_;
  CheckpointSpec spec_{.dir = dir_.path(), .isolate = Isolate::mount};
  CheckpointSeen last_;
};

TEST_F(MountWatch, WhatAGenerationSavesInItsOwnDirectoryIsPinnedAndShownInTheRealOneOnceItIsRegistered) {
  CheckpointWatch watch = Start(1);
  watch.Look();
  Replace(Own(1, "step-1.pt"), TorchFile(1));
  EXPECT_EQ(Shown(), Lines{});
  EXPECT_EQ(Looks(watch), Lines{"step-1.pt complete"});
  EXPECT_EQ(Shown(), Lines{"step-1.pt"});
  EXPECT_EQ(ReadBack(dir_ / "step-1.pt"), TorchFile(1));
  EXPECT_EQ(last_.path, dir_ / ".everstep/pins/1-step-1.pt/step-1.pt");
  EXPECT_FALSE(VerifyResume(last_, spec_));
}

TEST_F(MountWatch, AnOldGenerationThatWritesOnReachesNeitherPinNorWhatIsShown) {
  CheckpointWatch first = Start(1);
  first.Look();
  Replace(Own(1, "step-1.pt"), TorchFile(1));
  Looks(first);
  CheckpointWatch second = Start(2);
  Looks(second);
  Overwrite(Own(1, "step-1.pt"), "garbage");  // in place: a link's bytes would be its bytes
  Overwrite(Own(1, "step-2.pt"), TorchFile(2));
  EXPECT_EQ(first.Look(true), std::vector<CheckpointSeen>{}) << "overtaken";
  EXPECT_EQ(Looks(second), Lines{});
  EXPECT_EQ(ReadBack(dir_ / "step-1.pt"), TorchFile(1));
  EXPECT_FALSE(VerifyResume(last_, spec_));
  Overwrite(Own(2, "step-2.pt"), TorchFile(3));
  EXPECT_EQ(Looks(second), Lines{"step-2.pt complete"});
  EXPECT_EQ(ReadBack(dir_ / "step-2.pt"), TorchFile(3));
  EXPECT_EQ(ReadBack(Own(1, "step-1.pt")), "garbage") << "what a script left is the script's";
}

TEST_F(MountWatch, WhatIsNotRegisteredIsShownWhenItsGenerationEndsUnlessAnotherHasBegun) {
  CheckpointWatch watch = Start(1);
  watch.Look();
  Replace(Own(1, "step-1.pt"), TorchFile(1));
  watch.Look();
  EXPECT_EQ(watch.Look().size(), 1u);
  EXPECT_EQ(Shown(), Lines{});
  CheckpointWatch stale = Start(1);
  stale.Look(), stale.Look();
  watch.Finish();
  EXPECT_EQ(Shown(), Lines{"step-1.pt"});
  fs::remove(dir_ / "step-1.pt");
  CheckpointWatch next = Start(2);
  stale.Finish();
  EXPECT_EQ(Shown(), Lines{});
}

TEST_F(MountWatch, OldPinsTakeAlongWhatShowsThemButNothingElse) {
  CheckpointWatch watch = Start(1);
  Overwrite(dir_ / "notes.txt", "mine");
  for (int step = 1; step <= 5; ++step) {
    Overwrite(Own(1, Cat("checkpoint-", step, "/model.pt")), TorchFile(static_cast<std::uint64_t>(step)));
    Overwrite(Own(1, Cat("checkpoint-", step, "/COMMITTED")), "");
    if (step == 1) {
      Looks(watch);
      Overwrite(dir_ / "checkpoint-1/notes.txt", "mine");
    }
    EXPECT_EQ(Looks(watch).size(), step == 1 ? 0u : 1u);
  }
  EXPECT_EQ(Shown(), (Lines{"checkpoint-1", "checkpoint-3", "checkpoint-4", "checkpoint-5", "notes.txt"}));
  EXPECT_EQ(Names(dir_ / "checkpoint-1"), Lines{"notes.txt"});
  EXPECT_EQ(Names(dir_ / "checkpoint-5"), (Lines{"COMMITTED", "model.pt"}));
  EXPECT_TRUE(Exists(Own(1, "checkpoint-1/model.pt")));
}

TEST_F(MountWatch, ANameThatIsSavedAgainShowsTheNewestAndOneOfSomebodyElseStays) {
  CheckpointWatch watch = Start(1);
  Overwrite(dir_ / "best.pt", "somebody else's");
  for (std::uint64_t save = 1; save <= 2; ++save) {
    Overwrite(Own(1, "last.pt"), TorchFile(save));
    Overwrite(Own(1, "best.pt"), TorchFile(save));
    Looks(watch, 4);
    EXPECT_EQ(ReadBack(dir_ / "last.pt"), TorchFile(save));
  }
  EXPECT_EQ(ReadBack(dir_ / "best.pt"), "somebody else's");
  EXPECT_EQ(Shown(), (Lines{"best.pt", "best.pt.3", "last.pt"}));
}

TEST_F(MountWatch, AFinishedJobsNameIsTakenOverByTheNextJobsButItsPinStays) {
  CheckpointWatch watch = Start(1);
  Overwrite(Own(1, "step-1.pt"), TorchFile(1));
  Looks(watch);
  const CheckpointSeen old = last_;
  CheckpointSpec spec = spec_;
  const GangKey other{.job = JobId("j-2"), .generation = Generation(1)};
  ASSERT_TRUE(RecordBefore(dir_.path(), other, spec.complete_when));
  CheckpointWatch next(other, spec, {});
  Overwrite(PathIn(SavesDirectory(spec, other), "step-1.pt"), TorchFile(2));
  EXPECT_EQ(Looks(next), Lines{"step-1.pt complete"});
  EXPECT_EQ(ReadBack(dir_ / "step-1.pt"), TorchFile(2));
  EXPECT_EQ(ReadBack(old.path), TorchFile(1));
}

TEST_F(MountWatch, AnAgentThatRestartedShowsWhatWasRegisteredMeanwhile) {
  {
    CheckpointWatch watch = Start(1);
    Overwrite(Own(1, "step-1.pt"), TorchFile(1));
    watch.Look(), watch.Look();
  }
  CheckpointWatch again(Gang(1), spec_, {});
  EXPECT_EQ(Looks(again), Lines{"step-1.pt complete"});
  EXPECT_EQ(Shown(), Lines{"step-1.pt"});
}

class OwnDirectoryOfRanks : public testing::Test {
 protected:
  OwnDirectoryOfRanks() {
    mkdir((dir_ / "ckpt").c_str(), 0755);
    spec_ = {.job = JobId("j-1"),
             .generation = Generation(1),
             .command = {"sh"},
             .workdir = dir_.path(),
             .node_rank = 1,
             .master_port = 1,
             .checkpoint = CheckpointSpec{.dir = dir_ / "ckpt", .isolate = Isolate::mount},
             .watches_checkpoints = true};
  }
  GangChecked Check() { return CheckReady(spec_, {}).checked; }
  const TempDir dir_;
  GangSpec spec_;
};

TEST_F(OwnDirectoryOfRanks, IsEmptyWhateverLiesInTheRealOneAndWhateverAnOlderLauncherCalledTheSame) {
  if (geteuid() != 0) GTEST_SKIP() << "needs CAP_SYS_ADMIN";
  Overwrite(dir_ / "ckpt/step-1.pt", TorchFile(1));
  chmod((dir_ / "ckpt").c_str(), 0770);
  const auto mounts = Check().readied.value().mounts;
  ASSERT_TRUE(mounts);
  const std::string own = dir_ / "ckpt/.everstep/generations/j-1.1";
  EXPECT_EQ(mounts->own, own);
  EXPECT_EQ(mounts->over, dir_ / "ckpt");
  EXPECT_EQ(mounts->shown, dir_ / "ckpt/.everstep/pins");
  EXPECT_EQ(Names(own), Lines{".everstep"});
  EXPECT_EQ(fs::status(own).permissions(), fs::perms(0770));
  EXPECT_TRUE(Check().readied) << "asked again";
  Overwrite(own + "/step-9.pt", "of an older launcher's j-1");
  EXPECT_TRUE(Check().readied);
  EXPECT_EQ(Names(own), Lines{".everstep"});
  EXPECT_EQ(ReadBack(own + ".old.1/step-9.pt"), "of an older launcher's j-1");
  EXPECT_EQ(ReadBack(dir_ / "ckpt/step-1.pt"), TorchFile(1));
}

TEST_F(OwnDirectoryOfRanks, AHostThatMayNotMountRefusesAndSaysWhatIsMissing) {
  mkdir((dir_ / "ckpt/.everstep").c_str(), 0777);
  for (const std::string& open : {dir_.path(), dir_ / "ckpt", dir_ / "ckpt/.everstep"}) chmod(open.c_str(), 0777);
  std::optional<NotReadied> refused;
  std::thread([&] {
    if (geteuid() == 0) syscall(SYS_setresuid, 65534, 65534, 65534);  // of this thread alone
    refused = Check().not_readied;
  }).join();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->refusal, Refusal::host);
  EXPECT_TRUE(
      refused->why.starts_with("checkpoint.isolate: mount: cannot give ranks a mount namespace of their own: Operation "
                               "not permitted: this needs CAP_SYS_ADMIN, which uid "))
      << refused->why;
}

}  // namespace
}  // namespace everstep
