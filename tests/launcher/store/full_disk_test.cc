// The disk is full.
#include <gtest/gtest.h>

#include "tests/launcher/store/workload.h"

namespace everstep {
namespace {

class FullDisk : public testing::Test {
 protected:
  std::size_t Used(const CrashDisk& disk) {
    std::size_t bytes = 0;
    for (const auto& [name, content] : disk.Files()) bytes += content.size();
    return bytes;
  }

  TemporaryDirectory directory_;
};

TEST_F(FullDisk, AStepThatFindsNoRoomChangesNothingAndCanBeTriedAgainOnceThereIsRoom) {
  const std::vector<Step> steps = AWorkingLife();
  const std::vector<Contents> model = Model(steps);
  int refusals = 0;
  for (std::size_t capacity = 0; capacity < 300000; capacity += 3000) {
    CrashDisk disk;
    Launcher launcher(disk, directory_.path());
    disk.SetCapacity(capacity);
    const std::size_t done = launcher.Run(steps);
    disk.SetCapacity({});
    if (done == steps.size()) continue;
    ++refusals;
    const std::vector<Step> rest(steps.begin() + static_cast<std::ptrdiff_t>(done), steps.end());
    ASSERT_EQ(launcher.Run(rest), rest.size()) << "capacity " << capacity << ", stopped before " << rest.front().name;
    ASSERT_EQ(launcher.Recover().value(), model.back()) << capacity;
  }
  EXPECT_GT(refusals, 20);
}

TEST_F(FullDisk, TheReserveIsGivenUpFirstThenAppendsAreRefusedAndNothingIsLost) {
  CrashDisk disk;
  Launcher launcher(disk, directory_.path(), 200000);
  ASSERT_TRUE(launcher.Recover());
  Store& store = launcher.store();
  ASSERT_TRUE(store.BeginEpoch(Epoch(1)));
  EXPECT_FALSE(store.NearlyFull());
  disk.SetCapacity(Used(disk));

  LogIndex end;
  ASSERT_EQ(store.Append(end, Epoch(1), {Of({std::string(5000, 'x')})}), LogIndex(1));
  EXPECT_TRUE(store.NearlyFull()) << "the reserve is gone: new jobs are to be refused from now on";
  Result<LogIndex> appended = LogIndex(1);
  for (; appended; appended = store.Append(end, Epoch(1), {Of({std::string(5000, 'y')})})) end = *appended;
  EXPECT_EQ(appended.error().code, ErrorCode::kExhausted);
  EXPECT_EQ(appended.error().hint, "free space on the disk of the state directory");
  EXPECT_GT(end.value, 5u) << "what the reserve was for";
  EXPECT_EQ(store.Compact(Epoch(1), {.index = end, .bytes = std::string(100000, 's')}).error().code, ErrorCode::kExhausted);

  disk.SetCapacity({});
  EXPECT_EQ(store.Append(end, Epoch(1), {Of({"there is room again"})}), end.Next());
  const Contents found = launcher.Recover().value();
  EXPECT_EQ(found.entries.size(), end.value + 1);
  EXPECT_FALSE(launcher.store().NearlyFull()) << "taken again by the next launcher";
}

TEST_F(FullDisk, TheReserveIsTakenAgainAsSoonAsThereIsRoomForIt) {
  CrashDisk disk;
  Launcher launcher(disk, directory_.path(), 200000);
  ASSERT_TRUE(launcher.Recover());
  Store& store = launcher.store();
  ASSERT_TRUE(store.BeginEpoch(Epoch(1)));
  disk.SetCapacity(Used(disk));
  ASSERT_TRUE(store.Append(LogIndex(0), Epoch(1), {Of({std::string(5000, 'x')})}));
  ASSERT_TRUE(store.NearlyFull());
  disk.SetCapacity({});
  EXPECT_FALSE(store.NearlyFull()) << "this launcher, without a restart";
  EXPECT_TRUE(disk.Files().contains(directory_.path() + "/everstep.reserve"));
}

TEST_F(FullDisk, ADiskTooFullForTheReserveStillServesButSaysSo) {
  CrashDisk disk;
  disk.SetCapacity(150000);
  Launcher launcher(disk, directory_.path(), 200000);
  ASSERT_TRUE(launcher.Recover());
  EXPECT_TRUE(launcher.store().NearlyFull());
  EXPECT_TRUE(launcher.store().BeginEpoch(Epoch(1)));
  EXPECT_FALSE(disk.Files().contains(directory_.path() + "/everstep.reserve")) << "no room is wasted on half a reserve";
}

}  // namespace
}  // namespace everstep
