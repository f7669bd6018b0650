#include "agent/checkpoint/watch.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <set>

#include "agent/checkpoint/aside.h"
#include "agent/checkpoint/layout.h"
#include "agent/checkpoint/verify_resume.h"
#include "base/rng.h"
#include "base/text.h"
#include "tests/agent/checkpoint/fixtures.h"

namespace everstep {
namespace {

namespace fs = std::filesystem;
using Lines = std::vector<std::string>;

class Watch : public testing::Test {
 protected:
  GangKey Gang(std::uint64_t generation) { return {.job = JobId("j-1"), .generation = Generation(generation)}; }
  // What Ready does in the directory of the host that will watch.
  std::vector<CheckpointSeen> Prepare(std::uint64_t generation) {
    const auto moved = MoveTornAside(spec_, Gang(generation), {});
    EXPECT_TRUE(moved) << moved.error().message;
    const Status recorded = RecordBefore(dir_.path(), Gang(generation), spec_.complete_when);
    EXPECT_TRUE(recorded) << recorded.error().message;
    return *moved;
  }
  CheckpointWatch Start(std::uint64_t generation) {
    Prepare(generation);
    return CheckpointWatch(Gang(generation), spec_, {});
  }
  // "step-1.pt complete: why", in the order told. Complete ones must be resumable as told.
  Lines Told(const std::vector<CheckpointSeen>& news) {
    Lines lines;
    for (const CheckpointSeen& seen : news) {
      lines.push_back(Cat(seen.source, seen.complete ? " complete: " : " wanting: ", seen.why));
      if (!seen.complete) continue;
      const std::optional<NotReadied> refused = VerifyResume(seen, spec_);
      EXPECT_FALSE(refused) << refused->why;
      last_ = seen;
    }
    return lines;
  }
  // The launcher registers at once what is told, unless it is cut off.
  Lines Looks(CheckpointWatch& watch, std::size_t looks = 2) {
    Lines lines;
    for (std::size_t i = 0; i < looks; ++i) {
      const std::vector<CheckpointSeen> news = watch.Look();
      for (const std::string& line : Told(news)) lines.push_back(line);
      for (const CheckpointSeen& seen : news)
        if (seen.complete && !cut_off_) watch.Registered(seen.path);
    }
    return lines;
  }
  Lines Pins() { return Names(PinsDirectory(dir_.path())); }
  // Writes with a time of their own each: a file system's clock may tick as slowly as every 10 ms, looks here are faster.
  void Tick(const std::string& name) {
    const timespec times[] = {{.tv_sec = ++time_, .tv_nsec = 0}, {.tv_sec = time_, .tv_nsec = 0}};
    utimensat(AT_FDCWD, (dir_ / name).c_str(), times, 0);
  }
  void InPlace(const std::string& name, const std::string& bytes) { Overwrite(dir_ / name, bytes), Tick(name); }
  void ByRename(const std::string& name, const std::string& bytes) { Replace(dir_ / name, bytes), Tick(name); }

  const TempDir dir_;
  CheckpointSpec spec_{.dir = dir_.path()};
  CheckpointSeen last_;
  bool cut_off_ = false;
  std::int64_t time_ = 1'000'000;
};

const char kZip[] = "zip with 4 records, CRCs match";

TEST_F(Watch, ASaveUnderWayIsNotToldAndTheFinishedOneIsToldOnce) {
  CheckpointWatch watch = Start(1);
  const std::string whole = TorchFile();
  for (std::size_t size = 100; size < whole.size(); size += 500) {
    InPlace("step-10.pt", whole.substr(0, size));
    EXPECT_EQ(Looks(watch, 3), Lines{}) << "a save that pauses at " << size;
  }
  InPlace("step-10.pt", whole);
  EXPECT_EQ(Looks(watch, 1), Lines{});
  EXPECT_TRUE(watch.Undecided());
  EXPECT_EQ(Looks(watch, 1), Lines{Cat("step-10.pt complete: ", kZip)});
  EXPECT_FALSE(watch.Undecided());
  EXPECT_EQ(last_.step, 10u);
  EXPECT_EQ(last_.generation, Generation(1));
  EXPECT_EQ(last_.path, dir_ / ".everstep/pins/1-step-10.pt/step-10.pt");
  EXPECT_EQ(Looks(watch, 40), Lines{});
}

TEST_F(Watch, WhatStaysWantingIsToldAfterSomePatienceAndOnlyOnce) {
  CheckpointWatch watch = Start(1);
  InPlace("step-1.pt", TorchFile().substr(0, 800));
  InPlace("step-2.pt", "\x80\x02}q.");
  InPlace("step-3/model.pt", TorchFile());
  InPlace("notes.txt", "x");
  EXPECT_EQ(Looks(watch, 1 + CheckpointWatch::kPatience), Lines{});
  EXPECT_EQ(Looks(watch, 1), (Lines{"step-1.pt wanting: zip without its end: 800 bytes, truncated or still being written",
                                    "step-2.pt wanting: no zip as torch.save writes it (an old pickle?), so its end cannot be "
                                    "checked: give checkpoint.complete_when",
                                    "step-3 wanting: directory without marker or manifest: give checkpoint.complete_when"}));
  EXPECT_EQ(Looks(watch, 40), Lines{});
  InPlace("step-1.pt", TorchFile());
  EXPECT_EQ(Looks(watch), Lines{Cat("step-1.pt complete: ", kZip)}) << "a change of mind";
}

TEST_F(Watch, AtTheEndWhatWasNotFinishedIsToldAtOnce) {
  CheckpointWatch watch = Start(1);
  InPlace("step-1.pt", TorchFile().substr(0, 800));
  Looks(watch);
  InPlace("step-2.pt", TorchFile().substr(0, 900));
  Looks(watch, 1);
  EXPECT_EQ(Told(watch.Finish()), (Lines{"step-1.pt wanting: zip without its end: 800 bytes, truncated or still being written",
                                         "step-2.pt wanting: still changing when generation 1 ended"}));
}

TEST_F(Watch, PinsSurviveRotationAndTheNewestThreeAreKept) {
  CheckpointWatch watch = Start(1);
  fs::create_directories(dir_ / ".everstep/pins/9-not-ours");
  for (int step = 1; step <= 5; ++step) {
    ByRename(Cat("step-", step, ".pt"), TorchFile(static_cast<std::uint64_t>(step)));
    if (step > 1) fs::remove(dir_ / Cat("step-", step - 1, ".pt"));  // the script keeps one
    EXPECT_EQ(Looks(watch), Lines{Cat("step-", step, ".pt complete: ", kZip)});
  }
  EXPECT_EQ(Pins(), (Lines{"1-step-3.pt", "1-step-4.pt", "1-step-5.pt", "9-not-ours"}));
  EXPECT_EQ(ReadBack(dir_ / ".everstep/pins/1-step-3.pt/step-3.pt"), TorchFile(3));
  EXPECT_EQ(Names(dir_.path()), (Lines{".everstep", "step-5.pt"}));
}

TEST_F(Watch, WhatIsWrittenInPlaceIsCopiedFromTheFirstSaveOnAndSurvivesALateWriter) {
  CheckpointWatch watch = Start(1);
  InPlace("step-7.pt", TorchFile(1));
  InPlace("step-8/__0_0.distcp", "shard 0");
  InPlace("step-8/.metadata", Metadata({{"__0_0.distcp", 7}}));
  Looks(watch, 3);
  ASSERT_EQ(PinsIn(dir_.path()).size(), 1u) << "of two that wait only the newer is worth a copy";
  InPlace("step-8/__0_0.distcp", "torn");
  InPlace("step-8/.metadata", Metadata({{"__0_0.distcp", 7}, {"__1_0.distcp", 7}}));
  InPlace("step-9.pt", TorchFile(2));
  Looks(watch);
  InPlace("step-9.pt", "torn");  // as a late torch.save leaves it
  EXPECT_EQ(Looks(watch, 30), Lines{}) << "the copies are still good";
  EXPECT_EQ(ReadBack(dir_ / ".everstep/pins/1-step-8/step-8/__0_0.distcp"), "shard 0");
  EXPECT_EQ(ReadBack(dir_ / ".everstep/pins/1-step-9.pt/step-9.pt"), TorchFile(2));
  InPlace("step-9.pt", TorchFile(3));
  EXPECT_EQ(Looks(watch), Lines{Cat("step-9.pt complete: ", kZip)});
  EXPECT_EQ(ReadBack(last_.path), TorchFile(3));
}

TEST_F(Watch, OnlyWhatWasSeenToComeByRenameIsLinked) {
  CheckpointWatch watch = Start(1);
  const auto copied = [&](const std::string& name) {
    Looks(watch, 3);
    for (const Pin& pin : PinsIn(dir_.path()))
      if (pin.source == name) return pin.copied;
    ADD_FAILURE() << name << " is not pinned";
    return false;
  };
  ByRename("step-1.pt", TorchFile(1));
  if (copied("step-1.pt")) GTEST_SKIP() << "this file system clones";
  InPlace("step-2.pt", TorchFile(2));
  EXPECT_TRUE(copied("step-2.pt"));
  ByRename("step-3.pt", TorchFile(3));
  InPlace("step-3.pt", TorchFile(4));
  EXPECT_TRUE(copied("step-3.pt")) << "renamed, then written to between two looks";
  InPlace("tmp-step-4/.metadata", Metadata({{"__0_0.distcp", 7}}));
  InPlace("tmp-step-4/__0_0.distcp", "shard 0");
  fs::rename(dir_ / "tmp-step-4", dir_ / "step-4");
  EXPECT_FALSE(copied("step-4")) << "a directory that was renamed whole";
  ByRename("last.pt", TorchFile(5));
  EXPECT_FALSE(copied("last.pt"));
  fs::remove(dir_ / "best.pt");
  ByRename("best.pt", TorchFile(6));
  fs::remove(dir_ / "best.pt");
  InPlace("best.pt", TorchFile(7, 4000));
  EXPECT_TRUE(copied("best.pt")) << "another inode proves nothing";
}

TEST_F(Watch, ADamagedPinIsToldWithItsPathBesideTheOneThatTakesItsPlace) {
  CheckpointWatch watch = Start(1);
  ByRename("last.pt", TorchFile(1));
  Looks(watch);
  const std::string first = last_.path;
  ByRename("last.pt", TorchFile(2));
  Looks(watch);
  fs::remove(last_.path);
  const std::vector<CheckpointSeen> news = watch.Look();
  ASSERT_EQ(news.size(), 3u);
  EXPECT_FALSE(news[0].complete);
  EXPECT_EQ(news[0].path, last_.path);
  EXPECT_TRUE(news[1].complete);
  EXPECT_EQ(news[1].path, first);
  EXPECT_TRUE(news[2].complete) << "it is still there, and pinned anew";
  fs::rename(dir_ / ".everstep", dir_ / ".elsewhere");
  for (const CheckpointSeen& seen : watch.Look())
    EXPECT_EQ(seen.complete ? "" : seen.path, "") << "a mount that is gone is no loss";
}

TEST_F(Watch, ADeletedPinIsToldAndMadeAgain) {
  CheckpointWatch watch = Start(1);
  ByRename("step-1.pt", TorchFile());
  Looks(watch);
  fs::remove_all(last_.path);
  EXPECT_EQ(Looks(watch, 1), (Lines{"step-1.pt wanting: its pin " + dir_ / ".everstep/pins/1-step-1.pt was deleted",
                                    Cat("step-1.pt complete: ", kZip)}));
  EXPECT_EQ(Pins(), Lines{"1-step-1.pt.2"});
}

TEST_F(Watch, ADirectoryIsToldWhenItsManifestAndAllItsShardsStandStill) {
  CheckpointWatch watch = Start(1);
  InPlace("step-8/__0_0.distcp", "shard 0");
  InPlace("step-8/__1_0.distcp", "shard 1");
  EXPECT_EQ(Looks(watch, 3), Lines{});
  InPlace("step-8/.metadata", Metadata({{"__0_0.distcp", 7}, {"__1_0.distcp", 7}}));
  EXPECT_EQ(
      Looks(watch),
      Lines{"step-8 complete: distributed checkpoint with .metadata and its 2 shards, 0 files verified, 0 parts of shards "
            "verified"});
  fs::remove_all(dir_ / "step-8");
  EXPECT_EQ(ReadBack(last_.path + "/__1_0.distcp"), "shard 1");
}

TEST_F(Watch, WhatCannotBePinnedIsNamedAndTriedAgain) {
  CheckpointWatch watch = Start(1);
  Overwrite(dir_ / ".everstep/pins", "in the way");
  ByRename("step-1.pt", TorchFile());
  EXPECT_EQ(Looks(watch, 2 + CheckpointWatch::kPatience + 8),
            Lines{Cat("step-1.pt wanting: ", kZip, ", but cannot be pinned: cannot create directory ", dir_ / ".everstep/pins",
                      ": Not a directory")});
  fs::remove(dir_ / ".everstep/pins");
  EXPECT_EQ(Looks(watch, 32), Lines{Cat("step-1.pt complete: ", kZip)});
}

TEST_F(Watch, ADirectoryThatCannotBeListedIsToldOnce) {
  CheckpointWatch watch = Start(1);
  fs::rename(dir_.path(), dir_.path() + ".away");
  EXPECT_EQ(Looks(watch, 3), Lines{". wanting: cannot list " + dir_.path() + ": No such file or directory"});
  fs::rename(dir_.path() + ".away", dir_.path());
  ByRename("step-1.pt", TorchFile());
  EXPECT_EQ(Looks(watch), Lines{Cat("step-1.pt complete: ", kZip)});
}

// ---- generations -----------------------------------------------------------------------------------------------------------

TEST_F(Watch, AnAgentThatWasRestartedTellsItsPinsAgainAndMakesNoNewOnes) {
  CheckpointWatch before = Start(1);
  ByRename("step-1.pt", TorchFile());
  ByRename("last.pt", TorchFile(2));
  Looks(before);
  CheckpointWatch after(Gang(1), spec_, {});
  EXPECT_EQ(Looks(after, 5), (Lines{Cat("last.pt complete: ", kZip), Cat("step-1.pt complete: ", kZip)}));
  EXPECT_EQ(Pins(), (Lines{"1-last.pt.1", "1-step-1.pt"}));
  ByRename("step-2.pt", TorchFile(3));
  EXPECT_EQ(Looks(after), Lines{Cat("step-2.pt complete: ", kZip)});
}

TEST_F(Watch, AnAgentThatWasRestartedDoesNotPinAgainWhatItHadLetGo) {
  CheckpointWatch before = Start(1);
  for (int step = 1; step <= 12; ++step) {
    ByRename(Cat("step-", step, ".pt"), TorchFile(static_cast<std::uint64_t>(step)));
    Looks(before);
  }
  const Lines kept{"1-step-10.pt", "1-step-11.pt", "1-step-12.pt"};
  EXPECT_EQ(Pins(), kept);
  CheckpointWatch after(Gang(1), spec_, {});
  EXPECT_EQ(Looks(after, 20).size(), 3u);
  EXPECT_EQ(Pins(), kept);
  ByRename("step-13.pt", TorchFile(13));
  ByRename("step-14.pt", TorchFile(14));
  CheckpointWatch later(Gang(1), spec_, {});  // the agent was down while these were saved
  EXPECT_EQ(Looks(later, 20).size(), 4u) << "nobody saw how they came: they are copied, and only the newest is worth it";
  EXPECT_EQ(Pins(), (Lines{"1-step-11.pt", "1-step-12.pt", "1-step-14.pt"}));
}

TEST_F(Watch, NamesWithoutAStepDoNotCrowdOutTheSteps) {
  CheckpointWatch watch = Start(1);
  for (std::uint64_t step = 1; step <= 4; ++step) {
    ByRename(Cat("step-", step, ".pt"), TorchFile(step));
    ByRename("last.pt", TorchFile(step));
    ByRename("best.pt", TorchFile(step));
    Looks(watch);
  }
  EXPECT_EQ(Pins(), (Lines{"1-best.pt.10", "1-last.pt.11", "1-last.pt.8", "1-step-2.pt", "1-step-3.pt", "1-step-4.pt"}));
}

TEST_F(Watch, TheNextGenerationTellsWhatIsPinnedAndPassesOverWhatIsNot) {
  {
    CheckpointWatch lost = Start(1);
    ByRename("step-10.pt", TorchFile(1));
    Looks(lost);
    EXPECT_FALSE(last_.was_there);
  }
  ByRename("step-20.pt", TorchFile(2));  // finished, but the host was lost before it was pinned
  CheckpointWatch watch = Start(2);
  EXPECT_EQ(Looks(watch, 20), Lines{Cat("step-10.pt complete: ", kZip, "; pinned by generation 1")});
  EXPECT_EQ(last_.generation, Generation(2));
  EXPECT_TRUE(last_.was_there);
  ByRename("step-20.pt", TorchFile(4));
  EXPECT_EQ(Looks(watch), Lines{Cat("step-20.pt complete: ", kZip)}) << "written anew by this generation";
  EXPECT_FALSE(last_.was_there);
}

TEST_F(Watch, AWatchThatIsCutOffFromTheLauncherRemovesNoPin) {
  CheckpointWatch watch = Start(1);
  cut_off_ = true;
  Lines all;
  for (std::uint64_t step = 1; step <= 6; ++step) {
    ByRename(Cat("step-", step, ".pt"), TorchFile(step));
    Looks(watch);
    all.push_back(Cat("1-step-", step, ".pt"));
  }
  EXPECT_EQ(Pins(), all);
  const std::string pins = dir_ / ".everstep/pins/";
  watch.Registered(pins + "1-step-4.pt/step-4.pt");
  watch.Registered(pins + "1-step-3.pt/step-3.pt");
  EXPECT_EQ(Pins(), all) << "two are registered, three are kept";
  watch.Registered(pins + "1-step-6.pt/step-6.pt");
  EXPECT_EQ(Pins(), (Lines{"1-step-3.pt", "1-step-4.pt", "1-step-5.pt", "1-step-6.pt"}));
}

TEST_F(Watch, AWatchThatIsCutOffForLongKeepsTheNewestPinsAndSaysWhichItRemoved) {
  CheckpointWatch watch = Start(1);
  cut_off_ = true;
  Lines told;
  for (std::uint64_t step = 1; step <= 10; ++step) {
    ByRename(Cat("step-", step, ".pt"), TorchFile(step));
    for (const std::string& line : Looks(watch))
      if (line.find(" wanting: ") != std::string::npos) told.push_back(line);
  }
  EXPECT_EQ(Pins().size(), CheckpointWatch::kPinsWaiting);
  EXPECT_EQ(told, (Lines{"step-1.pt wanting: its pin was removed: 8 newer ones wait for the launcher's word",
                         "step-2.pt wanting: its pin was removed: 8 newer ones wait for the launcher's word"}));
  EXPECT_EQ(Looks(watch, 40), Lines{}) << "nor is one pinned again";
  watch.Registered(dir_ / ".everstep/pins/1-step-1.pt/step-1.pt");
  watch.Registered(dir_ / ".everstep/pins/1-step-10.pt/step-10.pt");
  EXPECT_EQ(Pins().size(), CheckpointWatch::kPinsWaiting) << "one that is gone is registered in vain";
}

TEST_F(Watch, WhatWasThereBeforeTheJobIsNeverOfferedByAnyGenerationUnlessTheJobWritesIt) {
  ByRename("step-500.pt", TorchFile(1));
  ByRename("step-400.pt", TorchFile(2).substr(0, 500));
  CheckpointWatch first = Start(1);
  EXPECT_EQ(Looks(first, 20),
            Lines{"step-500.pt wanting: was there before the job first started (and 1 more): not this job's"});
  EXPECT_EQ(Prepare(2).size(), 0u) << "somebody else's torn file stays where it is";
  CheckpointWatch second(Gang(2), spec_, {});
  EXPECT_EQ(Looks(second, 20).size(), 1u);
  ByRename("step-400.pt", TorchFile(3));
  EXPECT_EQ(Looks(second), Lines{Cat("step-400.pt complete: ", kZip)});
}

TEST_F(Watch, AJobOfTheSameNameUnderALauncherThatHasForgottenAllStartsFromNothing) {
  CheckpointWatch old = Start(4);
  ByRename("step-1.pt", TorchFile());
  Looks(old);
  CheckpointWatch fresh = Start(1);
  EXPECT_EQ(Looks(fresh), Lines{"step-1.pt wanting: was there before the job first started: not this job's"});
  ByRename("step-2.pt", TorchFile(2));
  EXPECT_EQ(Looks(fresh), Lines{Cat("step-2.pt complete: ", kZip)});
}

TEST_F(Watch, ADirectoryWithFilesOfTwoGenerationsIsAMixAndNotOffered) {
  spec_.complete_when = {.kind = CompleteWhenKind::marker, .pattern = "OK"};
  Prepare(1);
  InPlace("step-1/0.pt", TorchFile(1));
  InPlace("step-1/1.pt", TorchFile(2));
  spec_.complete_when = {.kind = CompleteWhenKind::glob, .pattern = "step-*"};  // else the torn directory is moved aside
  Prepare(2);
  spec_.complete_when = {.kind = CompleteWhenKind::marker, .pattern = "OK"};
  CheckpointWatch watch(Gang(2), spec_, {});
  InPlace("step-1/0.pt", TorchFile(3));
  InPlace("step-1/OK", "");
  Looks(watch);
  EXPECT_EQ(Told(watch.Finish()),
            Lines{"step-1 wanting: a mix: 1.pt was there before generation 2 started, OK was written since"});
  InPlace("step-1/1.pt", TorchFile(4));
  EXPECT_EQ(Looks(watch, 17), Lines{"step-1 complete: marker OK, 2 files verified"});
}

TEST_F(Watch, AWatchThatWasOvertakenTellsPinsAndRemovesNothing) {
  CheckpointWatch stale = Start(1);
  ByRename("step-1.pt", TorchFile(1));
  Looks(stale);
  Prepare(2);
  ByRename("step-2.pt", TorchFile(2));
  ByRename("step-3.pt", TorchFile(2).substr(0, 400));
  EXPECT_EQ(Looks(stale, 20), Lines{});
  EXPECT_EQ(Told(stale.Finish()), Lines{});
  EXPECT_EQ(Pins(), Lines{"1-step-1.pt"});
}

TEST_F(Watch, TornLeftoversAreMovedAsideBeforeTheNextGenerationAndNothingElseIs) {
  CheckpointWatch watch = Start(1);
  ByRename("step-1.pt", TorchFile(1));
  Looks(watch);
  InPlace("step-2.pt", TorchFile(2).substr(0, 500));
  InPlace("step-3.pt", "\x80\x02}q.");
  InPlace("step-4.pt.tmp", TorchFile(2).substr(0, 500));
  InPlace("step-5/__0_0.distcp", "shard");
  InPlace("checkpoint-6/training_args.bin", TorchFile());
  InPlace("checkpoint-6/model.safetensors", SmallSafetensors());
  InPlace("final/training_args.bin", TorchFile());
  InPlace("logs/version_0/events.out", "x");
  InPlace("step-7/model.pt", TorchFile());
  const std::vector<CheckpointSeen> moved = Prepare(2);
  const std::string aside = dir_ / ".everstep/aside/2";
  EXPECT_EQ(Told(moved),
            (Lines{"checkpoint-6 wanting: a Trainer's files without trainer_state.json, which is written last; moved to " +
                       aside + "/checkpoint-6",
                   "step-2.pt wanting: zip without its end: 500 bytes, truncated or still being written; moved to " + aside +
                       "/step-2.pt",
                   "step-5 wanting: shards without .metadata, which is written last; moved to " + aside + "/step-5"}));
  EXPECT_EQ(Names(aside), (Lines{"checkpoint-6", "step-2.pt", "step-5"}));
  EXPECT_EQ(Names(dir_.path()), (Lines{".everstep", "final", "logs", "step-1.pt", "step-3.pt", "step-4.pt.tmp", "step-7"}));
  InPlace("step-2.pt", TorchFile(2).substr(0, 600));
  EXPECT_EQ(Prepare(2).size(), 1u) << "asked again for the same generation";
  EXPECT_EQ(ReadBack(aside + "/step-2.pt").size(), 500u);
  EXPECT_EQ(ReadBack(aside + "/step-2.pt.2").size(), 600u);
}

// ---- overlap ---------------------------------------------------------------------------------------------------------------

// A slow zombie of generation 1 and the new rank 0 save under the same name, in place, a piece at a time, while the watch
// looks in between. Whatever the order: what is offered is one save or the other, whole.
TEST_F(Watch, OverlappingSavesOfTwoWritersAreNeverOfferedMixed) {
  std::size_t offered = 0;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    fs::remove_all(dir_ / ".everstep");
    fs::remove_all(dir_ / "step-9.pt");
    Rng rng(seed);
    const std::string saves[] = {TorchFile(2 * seed, 600), TorchFile(2 * seed + 1, 600)};
    CheckpointWatch watch = Start(1);
    std::size_t written[] = {0, 0};
    std::string file;
    while (written[0] < saves[0].size() || written[1] < saves[1].size()) {
      const std::size_t who = rng.Below(2), piece = std::min<std::size_t>(rng.Below(900), saves[who].size() - written[who]);
      file.resize(std::max(file.size(), written[who] + piece));
      file.replace(written[who], piece, saves[who], written[who], piece);
      written[who] += piece;
      InPlace("step-9.pt", file);
      for (std::uint64_t looks = rng.Below(4); looks > 0; --looks)
        for (const CheckpointSeen& seen : watch.Look()) {
          if (!seen.complete) continue;
          ++offered;
          const std::string bytes = ReadBack(seen.path);
          ASSERT_TRUE(bytes == saves[0] || bytes == saves[1]) << "seed " << seed;
        }
    }
  }
  EXPECT_GT(offered, 5u) << "else this test shows nothing";
}

TEST_F(Watch, ACheckpointWhosePointerComesLaterIsFoundCompleteThoughNobodyTouchedIt) {
  CheckpointWatch watch = Start(1);
  InPlace("global_step8/mp_rank_00_model_states.pt", TorchFile());
  EXPECT_EQ(Looks(watch, 2 + CheckpointWatch::kPatience),
            Lines{"global_step8 wanting: latest beside it, which is written last, is not there"});
  InPlace("latest", "global_step8");
  EXPECT_EQ(Looks(watch, 40),
            Lines{"global_step8 complete: DeepSpeed checkpoint with the files of all ranks, 1 file verified"});
  EXPECT_EQ(Names(dir_ / ".everstep/pins/1-global_step8"), (Lines{".everstep-pin", "global_step8", "latest"}));
  EXPECT_EQ(ReadBack(dir_ / ".everstep/pins/1-global_step8/latest"), "global_step8");
}

TEST_F(Watch, APinGoesWithThePointerThatWasMadeForIt) {
  CheckpointWatch watch = Start(1);
  InPlace("latest_checkpointed_iteration.txt", "50");
  for (int step = 10; step <= 50; step += 10) {
    InPlace(Cat("iter_00000", step, "/mp_rank_00/model_optim_rng.pt"), TorchFile(static_cast<std::uint64_t>(step)));
    EXPECT_EQ(Looks(watch).size(), 1u);
  }
  EXPECT_EQ(Pins(), (Lines{"1-iter_0000030", "1-iter_0000040", "1-iter_0000050"}));
  EXPECT_EQ(ReadBack(dir_ / ".everstep/pins/1-iter_0000040/latest_checkpointed_iteration.txt"), "40");
}

TEST_F(Watch, WithoutAPointerNothingIsMovedAside) {
  Start(1);
  InPlace("global_step8/mp_rank_00_model_states.pt", TorchFile());
  EXPECT_TRUE(Prepare(2).empty()) << "it may be whole: a script may leave `latest` out";
  EXPECT_TRUE(Exists(dir_ / "global_step8"));
}

}  // namespace
}  // namespace everstep
