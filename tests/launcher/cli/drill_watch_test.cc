#include "launcher/cli/drill_watch.h"

#include <gtest/gtest.h>

namespace everstep {
namespace {

JobView Running(std::uint64_t generation, std::optional<std::uint64_t> step) {
  JobView job{.id = JobId("train-1"), .phase = JobPhase::running, .why = "runs", .generation = Generation(generation)};
  for (const char* node : {"n1", "n2"}) job.hosts.push_back({.node = NodeId(node)});
  if (step) job.progress = ProgressView{.step = *step};
  return job;
}
EventView Event(std::string kind) { return {.job = JobId("train-1"), .kind = std::move(kind), .why = "because"}; }
Time At(Duration d) { return Time(d); }

TEST(DrillWatch, MeasuresTheWayFromTheFaultToTheFirstStep) {
  DrillWatch watch(Running(1, 47), "rank-kill", NodeId("n2"), 1);
  watch.On(At(9s), Event("generation_broken"));  // of an earlier trouble
  watch.Begun(At(10s));
  watch.On(At(10s + 20ms), Event("generation_broken"));
  watch.On(At(10s + 30ms), Event("generation_planned"));
  watch.On(At(10s + 50ms), Event("generation_started"));
  JobView after = Running(2, std::nullopt);
  after.incident = IncidentView{.generation = Generation(1), .step = 47, .steps_lost = 7, .checkpoint = "step-40.pt"};
  watch.On(At(10s + 60ms), after);
  EXPECT_FALSE(watch.Done()) << "no step yet";
  after.progress = ProgressView{.step = 41};
  watch.On(At(11s), after);
  ASSERT_TRUE(watch.Done());
  EXPECT_EQ(DescribeDrill(watch.view()), R"(rank-kill on train-1: rank 1 on n2, generation 1, recovered as generation 2
  noticed          20 ms  the generation is known to be broken
  decided          30 ms  hosts, port and checkpoint of the next one are chosen and on disk
  started          50 ms  every rank is told to start
  next step          1 s  a rank has told of a step (they tell once a second)
  lost           7 steps  done 47, resumed from step-40.pt
  hosts                   n1, n2 -> n1, n2
)");
}

TEST(DrillWatch, AScriptThatTellsOfNoStepHasRecoveredWhenItIsStarted) {
  DrillWatch watch(Running(1, std::nullopt), "rank-kill", NodeId("n2"), 1);
  watch.Begun(At(1s));
  watch.On(At(2s), Running(1, std::nullopt));
  EXPECT_FALSE(watch.Done());
  watch.On(At(3s), Running(2, std::nullopt));
  EXPECT_EQ(watch.view().outcome, DrillOutcome::recovered);
  EXPECT_EQ(watch.view().stepped, std::nullopt);
}

TEST(DrillWatch, AJobThatEndsHasNotRecovered) {
  DrillWatch watch(Running(1, 3), "rank-kill", NodeId("n2"), 1);
  watch.Begun(At(1s));
  JobView ended = Running(1, 3);
  ended.phase = JobPhase::failed;
  ended.why = "the restart budget is used up";
  watch.On(At(2s), ended);
  ASSERT_TRUE(watch.Done());
  EXPECT_EQ(DescribeDrill(watch.view()), R"(rank-kill on train-1: rank 1 on n2, generation 1, not recovered: the job has ended
  now                     the restart budget is used up
)");
}

TEST(DrillWatch, AFaultThatBreaksNothingIsUndisturbedOnceItIsOver) {
  DrillWatch watch(Running(1, 3), "freeze", NodeId("n2"), 1, 10s);
  watch.Begun(At(1s));
  watch.On(At(3s), EventView{.node = NodeId("n2"), .kind = "node_suspected"});
  watch.Tick(At(20s));
  EXPECT_FALSE(watch.Done()) << "its host is not back";
  watch.On(At(21s), EventView{.node = NodeId("n2"), .kind = "node_trusted"});
  watch.Tick(At(21s));
  EXPECT_EQ(watch.view().outcome, DrillOutcome::undisturbed);
}

TEST(DrillWatch, AJobThatIsDoneMeanwhileWasNotDisturbed) {
  DrillWatch watch(Running(1, 3), "link-cut", NodeId("n2"), 1, 10s);
  watch.Begun(At(1s));
  JobView done = Running(1, 9);
  done.phase = JobPhase::done;
  watch.On(At(2s), done);
  EXPECT_EQ(watch.view().outcome, DrillOutcome::undisturbed);
}

TEST(DrillWatch, WhatTheHostHasNotDoneIsTold) {
  DrillWatch watch(Running(1, 3), "ckpt-torn", NodeId("n1"), 0, 0s, true);
  watch.Begun(At(1s));
  EventView not_done = Event("drill_not_done");
  not_done.why = "no drill on n1: half of one cannot be told from a whole one here";
  watch.On(At(2s), not_done);
  EXPECT_EQ(DescribeDrill(watch.view()), R"(ckpt-torn on train-1: rank 0 on n1, generation 1, not done
  now                     no drill on n1: half of one cannot be told from a whole one here
)");
}

TEST(DrillWatch, OnlyADrillThatTearsLooksForTornCheckpoints) {
  for (const bool tears : {false, true}) {
    DrillWatch watch(Running(1, 3), "ckpt-torn", NodeId("n1"), 0, 0s, tears);
    watch.Begun(At(1s));
    watch.On(At(2s), Event("checkpoint_noted"));
    EXPECT_EQ(watch.view().torn, tears ? "because" : "");
  }
}

TEST(DrillWatch, OfSeveralTheMedianIsShownBetweenTheExtremes) {
  std::vector<DrillView> drills(3);
  for (std::size_t i = 0; i < 3; ++i) {
    drills[i].node = NodeId("n1");
    drills[i].noticed = std::vector<Duration>{30ms, 10ms, 20ms}[i];
  }
  drills[1].stepped = 1s;
  EXPECT_EQ(DescribeDrills(drills), R"(           MIN    MEDIAN  MAX
noticed    10 ms  20 ms   30 ms
next step  1 s    1 s     1 s
)");
}

}  // namespace
}  // namespace everstep
