#include "collectives/probe/peer_process.h"

#include <gtest/gtest.h>

namespace everstep {
namespace {

TEST(PeerProcess, WhatItPrintsAndItsCodeAreThereWhenItHasEnded) {
  const auto process = PeerProcess::Start({"/bin/sh", "-c", "echo $A; echo bad >&2; exit 3"}, {{"A", "out"}});
  ASSERT_TRUE(process.has_value()) << process.error().Str();
  ASSERT_TRUE((*process)->EndedWithin(20s));
  EXPECT_EQ((*process)->Out(), "out\n");
  EXPECT_EQ((*process)->Err(), "bad\n");
  EXPECT_EQ((*process)->code(), 3);
}

TEST(PeerProcess, OneThatRunsOnIsStopped) {
  const auto process = PeerProcess::Start({"/bin/sleep", "1000"}, {});
  ASSERT_TRUE(process.has_value()) << process.error().Str();
  EXPECT_FALSE((*process)->EndedWithin(1ms));
  (*process)->Stop();
  EXPECT_EQ((*process)->code(), 128 + 15);
}

TEST(PeerProcess, OneThatIsNotThereIsNamed) {
  const auto process = PeerProcess::Start({"/nowhere/python3"}, {});
  ASSERT_FALSE(process.has_value());
  EXPECT_EQ(process.error().message, "cannot start /nowhere/python3: No such file or directory");
}

}  // namespace
}  // namespace everstep
