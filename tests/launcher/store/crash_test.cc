// The power is cut at every operation of a launcher's life, in every manner; and then?
#include <gtest/gtest.h>
#include <sqlite3.h>

#include "tests/launcher/store/workload.h"

namespace everstep {
namespace {

struct Manner {
  Moment moment;
  bool safe_overwrite;
  std::vector<Survivors> survivors;
};

// How the launcher after a crash got on: it opens, claims the store and appends one entry.
struct Sequel {
  std::size_t acknowledged = 0;   // of those three
  std::vector<Contents> after{};  // element i: after i of the two that write; empty: could not even open
};

class Crashes : public testing::Test {
 protected:
  std::uint64_t OperationsOfAWholeLife(bool safe_overwrite = true) {
    CrashDisk disk(safe_overwrite);
    Launcher launcher(disk, directory_.path());
    EXPECT_EQ(launcher.Run(steps_), steps_.size());
    return disk.operations();
  }

  // What may be found after a crash when `acknowledged` steps were: exactly that, or the step under way too.
  std::vector<Contents> Either(std::size_t acknowledged) {
    return {model_[acknowledged], model_[std::min(acknowledged + 1, steps_.size())]};
  }

  // Returns what is found.
  Result<Contents> ExpectOneOf(const std::vector<Contents>& right, Launcher& launcher, const std::string& when) {
    Result<Contents> found = launcher.Recover();
    if (!found) {
      ADD_FAILURE() << when << ": an honest crash was refused: " << found.error().Str();
      return found;
    }
    std::string shown;
    for (const Contents& contents : right) {
      if (*found == contents) return found;
      shown += Cat("\n may be: ", Show(contents));
    }
    ADD_FAILURE() << when << "\n found:  " << Show(*found) << shown;
    return found;
  }

  // `now`: what the launcher has just found.
  static Sequel GoOn(Launcher& launcher, const Result<Contents>& now) {
    if (!now) return {};
    Sequel sequel{.acknowledged = 1, .after = {*now, *now, *now}};
    const Epoch epoch = now->epoch.Next();
    sequel.after[1].epoch = sequel.after[2].epoch = epoch;
    sequel.after[2].entries.push_back("went on");
    sequel.after[2].last_write = WallTime{1000};
    const LogIndex end(now->first.value + now->entries.size() - 1);
    if (launcher.store().BeginEpoch(epoch)) sequel.acknowledged = 2;
    if (launcher.store().Append(end, epoch, {Of({"went on"})})) sequel.acknowledged = 3;
    return sequel;
  }

  TemporaryDirectory directory_;
  const std::vector<Step> steps_ = AWorkingLife();
  const std::vector<Contents> model_ = Model(steps_);
};

TEST_F(Crashes, WithoutACrashTheStoreIsWhatTheModelSays) {
  CrashDisk disk;
  Launcher launcher(disk, directory_.path());
  EXPECT_EQ(launcher.Run(steps_), steps_.size());
  EXPECT_EQ(launcher.Recover().value(), model_.back());
  EXPECT_GT(disk.operations(), 150u) << "too small a life to prove anything";
  EXPECT_GT(disk.Files()[directory_.path() + "/everstep.db"].size(), 8u * 4096) << "the write-ahead log was never copied";
}

TEST_F(Crashes, APowerCutAtAnyOperationLosesNothingAcknowledgedAndHalvesNothing) {
  const Manner manners[] = {
      {Moment::before, true, {Survivors::nothing, Survivors::all, Survivors::some}},
      {Moment::within, true, {Survivors::all, Survivors::some, Survivors::some}},
      {Moment::after, true, {Survivors::nothing}},
      {Moment::within, false, {Survivors::garbage, Survivors::some}},
  };
  std::uint64_t seed = 1;
  for (const Manner& manner : manners) {
    const std::uint64_t operations = OperationsOfAWholeLife(manner.safe_overwrite);
    for (std::uint64_t at = 1; at <= operations; ++at) {
      CrashDisk wreck(manner.safe_overwrite);
      Launcher victim(wreck, directory_.path());
      wreck.CutPowerAt(at, manner.moment);
      const std::size_t acknowledged = victim.Run(steps_);
      victim.Close();
      ASSERT_FALSE(wreck.powered()) << at;
      for (const Survivors survivors : manner.survivors) {
        const std::string when = Cat("operation ", at, ", moment ", static_cast<int>(manner.moment), ", survivors ",
                                     static_cast<int>(survivors), ", seed ", ++seed);
        Rng rng(seed);
        CrashDisk disk(manner.safe_overwrite);
        disk.CopyFrom(wreck);
        disk.Reboot(survivors, rng);
        Launcher launcher(disk, directory_.path());
        const Sequel sequel = GoOn(launcher, ExpectOneOf(Either(acknowledged), launcher, when));
        ASSERT_EQ(sequel.acknowledged, 3u) << when;
        launcher.Close();
        disk.Reboot(Survivors::nothing, rng);
        ExpectOneOf({sequel.after[2]}, launcher, when + ", and again once the next launcher had acknowledged an entry");
        if (HasFailure()) return;
      }
    }
  }
}

// kill -9 leaves what was written in the page cache, undurable; the next launcher reads that, builds on it, and the power goes.
TEST_F(Crashes, AKillAtAnyOperationAndThenAPowerCutUnderTheNextLauncherLoseNothingAcknowledged) {
  const std::uint64_t operations = OperationsOfAWholeLife();
  std::uint64_t seed = 1000;
  for (std::uint64_t killed = 1; killed <= operations; killed += 2) {
    for (std::uint64_t later = 1 + killed % 3;; later += 3) {
      const std::string when = Cat("killed at ", killed, ", power cut ", later, " operations later, seed ", ++seed);
      Rng rng(seed);
      const bool safe_overwrite = rng.Below(2) == 0;
      CrashDisk disk(safe_overwrite);
      Launcher launcher(disk, directory_.path());
      disk.CutPowerAt(killed, seed % 2 ? Moment::before : Moment::within);
      const std::size_t acknowledged = launcher.Run(steps_);
      launcher.Close();
      disk.Restart();
      disk.CutPowerAt(killed + later, rng.Below(2) ? Moment::before : Moment::within);
      const Sequel sequel = GoOn(launcher, launcher.Recover());
      launcher.Close();
      disk.Reboot(!safe_overwrite ? Survivors::garbage : rng.Below(2) ? Survivors::some : Survivors::nothing, rng);
      std::vector<Contents> right;
      if (sequel.acknowledged <= 1) right = Either(acknowledged);
      if (sequel.acknowledged > 0) right.push_back(sequel.after[sequel.acknowledged - 1]);
      if (sequel.acknowledged == 1 || sequel.acknowledged == 2) right.push_back(sequel.after[sequel.acknowledged]);
      ExpectOneOf(right, launcher, when);
      if (HasFailure()) return;
      if (sequel.acknowledged == 3) break;  // the cut came after all was done
    }
  }
}

TEST_F(Crashes, AfterAnIoErrorTheStoreRefusesEverythingAndTheNextFindsAllThatWasAcknowledged) {
  const std::uint64_t operations = OperationsOfAWholeLife();
  for (std::uint64_t at = 1; at <= operations; ++at) {
    const std::string when = Cat("operation ", at, " fails");
    Rng rng(at);
    CrashDisk disk;
    Launcher launcher(disk, directory_.path());
    disk.FailAt(at, at % 2 ? SQLITE_IOERR_WRITE : SQLITE_IOERR_FSYNC);
    const std::size_t acknowledged = launcher.Run(steps_);
    ASSERT_LT(acknowledged, steps_.size()) << when << ": an I/O error went unnoticed";
    const Status refused = launcher.store().BeginEpoch(Epoch(100));
    EXPECT_TRUE(Outcome(refused).starts_with("i/o error: the store has failed before: ")) << when << Outcome(refused);
    EXPECT_EQ(launcher.store().Append(LogIndex(0), Epoch(1), {}).error().code, ErrorCode::kIo) << when;
    EXPECT_EQ(launcher.store().History({}).error().code, ErrorCode::kIo) << when;
    EXPECT_EQ(launcher.store().ForgetHistory({}).error().code, ErrorCode::kIo) << when;
    launcher.Close();
    disk.Reboot(at % 3 ? Survivors::nothing : Survivors::some, rng);
    ExpectOneOf(Either(acknowledged), launcher, when);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace everstep
