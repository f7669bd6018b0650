#include "agent/mpi/fate.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <string>
#include <vector>

namespace everstep::mpi {
namespace {

constexpr Ended kWell{}, kThree{.code = 3}, kTerminated{.signal = SIGTERM}, kCrashed{.signal = SIGSEGV};

TEST(Fate, AHomeEndsAsItsProgramIfThatFailedByItselfAndElseWhenItMay) {
  struct Row {
    std::string name;
    Fate fate;
    std::optional<Ended> end;
  };
  for (const Row& row : std::vector<Row>{
           {"nothing has come yet", {}, std::nullopt},
           {"the program runs", {.came = true}, std::nullopt},
           {"it is done, the others are not", {.came = true, .ended = kWell}, std::nullopt},
           {"all are done", {.came = true, .ended = kWell, .over = 0}, kWell},
           {"it failed by itself: at once", {.came = true, .ended = kThree}, kThree},
           {"… where mpirun hangs on it, too", {.holds = true, .came = true, .ended = kCrashed}, kCrashed},
           {"… and after mpirun's own end", {.holds = true, .came = true, .ended = kThree, .over = 1}, kThree},
           {"mpirun has ended it: because of another", {.came = true, .ended = kTerminated, .swept = true}, std::nullopt},
           {"… and has ended", {.holds = true, .came = true, .ended = kTerminated, .swept = true, .over = 3}, std::nullopt},
           {"… and all are stopped", {.came = true, .ended = kTerminated, .swept = true, .asked = true}, kTerminated},
           {"asked, and it saves", {.came = true, .asked = true}, std::nullopt},
           {"asked, and it has saved", {.came = true, .ended = kWell, .asked = true}, kWell},
           {"asked before it has come", {.asked = true}, kTerminated},
           {"asked, but mpirun is to end first",
            {.holds = true, .came = true, .ended = kTerminated, .asked = true},
            std::nullopt},
           {"… before it has come, too", {.holds = true, .asked = true}, std::nullopt},
           {"… which it has", {.holds = true, .came = true, .ended = kThree, .asked = true, .over = 143}, kThree},
           {"mpirun has failed, no rank has", {.holds = true, .came = true, .over = 1}, std::nullopt}})
    EXPECT_EQ(EndOf(row.fate), row.end) << row.name;
}

TEST(Fate, OnlyWhoWasLeftAloneHasFailed) {
  EXPECT_TRUE(Failed({.came = true, .ended = kCrashed}));
  EXPECT_FALSE(Failed({.came = true, .ended = kWell}));
  EXPECT_FALSE(Failed({.came = true, .ended = kThree, .swept = true}));
  EXPECT_FALSE(Failed({.came = true, .ended = kThree, .asked = true}));
}

TEST(Fate, EndsAreReadOfWait) {
  EXPECT_EQ(EndedBy(3 << 8), kThree);
  EXPECT_EQ(EndedBy(SIGSEGV), kCrashed);
  EXPECT_EQ(EndedBy(SIGSEGV | 0x80), kCrashed) << "with a core file";
  EXPECT_EQ(kCrashed.Code(), 139);
}

}  // namespace
}  // namespace everstep::mpi
