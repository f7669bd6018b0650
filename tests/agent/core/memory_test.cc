#include "agent/core/memory.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace everstep {
namespace {

GangKey Key(std::uint64_t generation, std::string job = "j-1") {
  return {.job = JobId(std::move(job)), .generation = Generation(generation)};
}
GangRecord Record(std::uint64_t generation, std::string job = "j-1") {
  return {.job = JobId(std::move(job)), .generation = Generation(generation)};
}

TEST(Memory, AnOldEpochIsOverAnEqualOrHigherOneIsNot) {
  const AgentMemory memory{.epoch = Epoch(5)};
  EXPECT_EQ(WhyStaleEpoch(memory, Epoch(4)), "epoch 4 is over: this host has obeyed epoch 5");
  EXPECT_EQ(WhyStaleEpoch(memory, Epoch(5)), std::nullopt);
  EXPECT_EQ(WhyStaleEpoch(memory, Epoch(6)), std::nullopt);
}

TEST(Memory, OnlyANewGenerationOrOneThatNeverStartedMayBePrepared) {
  const AgentMemory memory = WithStarted(WithPrepared({}, Record(2)), Key(2));
  EXPECT_EQ(WhyNotPrepare(memory, Key(1)), "generation 1 is over: generation 2 was prepared here");
  EXPECT_EQ(WhyNotPrepare(memory, Key(2)), "generation 2 was started here before");
  EXPECT_EQ(WhyNotPrepare(memory, Key(3)), std::nullopt);
  EXPECT_EQ(WhyNotPrepare(WithPrepared(memory, Record(3)), Key(3)), std::nullopt) << "asked again: nothing ran yet";
  EXPECT_EQ(WhyNotPrepare(memory, Key(1, "other-1")), std::nullopt);
}

TEST(Memory, WhatWasForgottenIsNotPreparedAgainAlsoIfItNeverStarted) {
  const AgentMemory memory = WithoutGang(WithForgotten(WithPrepared({}, Record(4)), Key(4)), Key(4));
  EXPECT_EQ(WhyNotPrepare(memory, Key(4)), "generation 4 is over: it was forgotten here");
  EXPECT_EQ(WhyNotPrepare(memory, Key(5)), std::nullopt);
}

TEST(Memory, AGenerationStartsOnceAndOnlyTheNewestOne) {
  AgentMemory memory = WithPrepared({}, Record(2));
  EXPECT_EQ(WhyNotStart(memory, Key(2)), std::nullopt);
  EXPECT_EQ(WhyNotStart(memory, Key(1)), "generation 1 is not the one prepared here, which is 2");
  memory = WithStarted(memory, Key(2));
  EXPECT_EQ(WhyNotStart(memory, Key(2)), "generation 2 was started here before");
}

TEST(Memory, OfTheJobsTheOldestAreForgottenFirst) {
  AgentMemory memory;
  for (std::size_t i = 0; i < kJobsRemembered; ++i) memory = WithPrepared(std::move(memory), Record(1, Cat("j-", i)));
  memory = WithPrepared(std::move(memory), Record(2, "j-0"));
  memory = WithPrepared(std::move(memory), Record(1, "new-1"));
  EXPECT_EQ(memory.jobs.size(), kJobsRemembered);
  EXPECT_TRUE(WhyNotPrepare(memory, Key(1, "j-0"))) << "used again lately";
  EXPECT_EQ(memory.jobs.front().job, JobId("j-2"));
}

TEST(Memory, ARecordIsKeptOnceAGang) {
  AgentMemory memory = WithPrepared(WithPrepared({}, Record(1)), Record(1));
  EXPECT_EQ(memory.gangs.size(), 1u);
  EXPECT_TRUE(WithoutGang(memory, Key(1)).gangs.empty());
}

}  // namespace
}  // namespace everstep
