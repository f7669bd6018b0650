#include "launcher/core/status.h"
#include "tests/story/story.h"

namespace everstep {
namespace {

JobView ViewNow(Story& story, const JobId& job) { return ViewOf(story.world(), story.now(), story.Job(job)); }

void Tells(Story& story, const std::string& host, const JobId& job, Progress progress) {
  story.Host(host).Newest(job)->progress = std::move(progress);
  story.Reports(host);
}

TEST(Progress, NothingIsShownBeforeTheRanksHaveToldOfAStep) {
  Story story({"n1", "n2"});
  const JobId train = story.Submit(Train(2));
  EXPECT_EQ(ViewNow(story, train).progress, std::nullopt);
  EXPECT_EQ(ViewNow(story, train).step, std::nullopt);
}

TEST(Progress, TheFirstHostThatTellsOfAStepSpeaksAndTheTimeLeftFollows) {
  Story story({"n1", "n2", "n3"});
  const JobId train = story.Submit(Train(3));
  Tells(story, "n3", train, {.step = 41});
  Tells(story, "n2", train, {.step = 40, .steps_total = 1000, .step_time = 500ms, .loss = "2.31"});
  const JobView view = ViewNow(story, train);
  EXPECT_EQ(view.progress, (ProgressView{.step = 40, .steps_total = 1000, .step_time = 500ms, .eta = 480s, .loss = "2.31"}));
  EXPECT_EQ(view.step, 40u);
}

TEST(Progress, TheTimeLeftIsNeverNegativeAndNeverNonsense) {
  Story story({"n1"});
  const JobId train = story.Submit(Train(1));
  Tells(story, "n1", train, {.step = 1001, .steps_total = 1000, .step_time = 500ms});
  EXPECT_EQ(ViewNow(story, train).progress->eta, 0s);
  Tells(story, "n1", train, {.step = 1, .steps_total = ~0ull, .step_time = 1h});
  EXPECT_EQ(ViewNow(story, train).progress->eta, std::nullopt);
  Tells(story, "n1", train, {.step = 1, .steps_total = ~0ull, .step_time = 0s});
  EXPECT_EQ(ViewNow(story, train).progress->eta, 0s);
}

TEST(Progress, ItIsNoFact) {
  Story story({"n1"});
  const JobId train = story.Submit(Train(1));
  story.Told();
  for (std::uint64_t step = 1; step < 100; ++step) story.Step(train, step);
  EXPECT_EQ(story.Told(), Lines{}) << "a report of progress alone decides nothing, and the log does not grow";
}

TEST(Progress, AfterARestartTheCheckpointSaysWhereItIsUntilTheRanksDo) {
  Story story({"n1"});
  const JobId train = story.Submit(Train(1));
  story.Saves(train, "step-40.pt", 40);
  story.Step(train, 47);
  EXPECT_EQ(ViewNow(story, train).step, 47u);
  story.RankEnds(train, 0, Killed(9));
  ASSERT_EQ(story.Phase(train), JobPhase::running);
  EXPECT_EQ(ViewNow(story, train).progress, std::nullopt);
  EXPECT_EQ(ViewNow(story, train).step, 40u);
  story.Step(train, 41);
  EXPECT_EQ(ViewNow(story, train).step, 41u);
}

TEST(Progress, OfAJobThatHasEndedTheLastStepIsKnown) {
  Story story({"n1"});
  const JobId train = story.Submit(Train(1));
  story.Step(train, 47);
  story.AllRanksEnd(train, ExitCode(0));
  ASSERT_EQ(story.Phase(train), JobPhase::done);
  EXPECT_EQ(ViewNow(story, train).progress, ProgressView{.step = 47});
}

}  // namespace
}  // namespace everstep
