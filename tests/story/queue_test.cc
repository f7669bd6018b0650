// Who waits for whom, in words that name it; and which job a word on the command line means.
#include "base/text.h"
#include "launcher/core/requests.h"
#include "launcher/core/status.h"
#include "tests/story/story.h"

namespace everstep {
namespace {

JobSpec Named(const std::string& name, std::uint32_t nodes) {
  JobSpec spec = Train(nodes);
  spec.name = name;
  return spec;
}

std::string WhyOf(const Story& story, const JobId& job) { return ViewOf(story.world(), story.now(), story.Job(job)).why; }

TEST(Queue, AJobBehindABigOneNamesTheBigOneAndNotHostsThatWouldFit) {
  Story story({"n1", "n2", "n3", "n4"});
  story.Submit(Named("one", 1));
  const JobId four = story.Submit(Named("want4", 4));
  story.Told();
  const JobId small = story.Submit(Named("small", 1));
  EXPECT_EQ(story.Told(), Lines{"queued: waits behind want4-2, which needs 4 hosts"});
  EXPECT_EQ(WhyOf(story, small), "waits behind want4-2, which needs 4 hosts");
  EXPECT_EQ(WhyOf(story, four), "needs 4 hosts, 3 fit: n1 works for one-1");
  EXPECT_EQ(ViewJobs(story.world(), story.now(), {}).front().why, "waits behind want4-2, which needs 4 hosts");
  Lines explained = Explain(story.world(), story.now(), story.Job(small)).sentences;
  explained.resize(3);
  EXPECT_EQ(explained, (Lines{"queued: waits behind want4-2, which needs 4 hosts", "queue position 2, priority 50",
                              "a restart begins at the start: no checkpoint is registered yet"}));

  const JobId wide = story.Submit(Named("wide", 4));
  EXPECT_EQ(WhyOf(story, wide), "waits behind want4-2, which needs 4 hosts") << "the first that waits, not small-3";
  EXPECT_EQ(Explain(story.world(), story.now(), story.Job(wide)).sentences.at(2), "needs 4 hosts, 3 fit: n1 works for one-1");
}

TEST(Queue, AJobThatTheClusterCannotHoldBlocksNobodyAndIsNotSaidTo) {
  Story story({"n1", "n2"});
  const JobId one = story.Submit(Named("one", 2));
  const JobId nine = story.Submit(Named("nine", 9));
  const JobId small = story.Submit(Named("small", 1));
  EXPECT_EQ(WhyOf(story, small), "needs 1 host, none fits: n1 works for one-1; n2 works for one-1");
  EXPECT_EQ(WhyOf(story, nine), "needs 9 hosts, the cluster has 2, none fits: n1 works for one-1; n2 works for one-1");
  story.AllRanksEnd(one, ExitCode(0));
  EXPECT_EQ(story.Phase(small), JobPhase::running);
}

TEST(Queue, AHigherPriorityDoesNotWaitBehindALowerOne) {
  Story story({"n1", "n2"});
  story.Submit(Named("one", 1));
  story.Submit(Named("two", 2));
  JobSpec urgent = Named("urgent", 2);
  urgent.priority = 90;
  const JobId first = story.Submit(urgent);
  EXPECT_EQ(WhyOf(story, first), "needs 2 hosts, 1 fits: n1 works for one-1");
}

Result<JobId> Meant(const Story& story, const std::string& word) {
  EVERSTEP_ASSIGN(const JobState* job, FindJob(story.world().state, JobId(word)));
  return job->id;
}

TEST(Queue, AnIdWinsAndANameMeansTheOneThatHasNotEnded) {
  Story story({"n1", "n2"});
  story.Submit(Named("a", 1));
  const JobId second = story.Submit(Named("a", 1));
  const auto two = Meant(story, "a");
  ASSERT_FALSE(two);
  EXPECT_EQ(two.error().Str(), "a is the name of 2 jobs that have not ended: a-1, a-2; say which by its id");
  EXPECT_EQ(two.error().code, ErrorCode::kConflict);

  story.AllRanksEnd(second, ExitCode(0));
  EXPECT_EQ(Meant(story, "a"), JobId("a-1")) << "older, but it runs";
  EXPECT_EQ(Meant(story, "a-2"), JobId("a-2"));
  story.AllRanksEnd(JobId("a-1"), ExitCode(0));
  EXPECT_EQ(Meant(story, "a"), JobId("a-2")) << "all have ended: the newest";
  EXPECT_EQ(Meant(story, "b").error().code, ErrorCode::kNotFound);
}

TEST(Queue, NoWordIsTheIdOfOneJobAndTheNameOfAnother) {
  Story story({"n1"});
  story.Submit(Named("a", 1));
  const auto refused = Submit(story.world(), story.now(), {.spec = Named("a-1", 1), .request_id = {}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().Str(), "name: found \"a-1\", which is the id of another job; choose another name");

  EXPECT_EQ(story.Submit(Named("b-3", 1)), JobId("b-3-2"));
  EXPECT_EQ(story.Submit(Named("b", 1)), JobId("bx-3")) << "b-3 is a name already";
}

TEST(Queue, TheEndSaysItsPhaseOnceAndCountsRanksAsPeopleDo) {
  Story story({"n1"});
  const JobId job = story.Submit(Named("a", 1));
  story.AllRanksEnd(job, ExitCode(0));
  EXPECT_EQ(Explain(story.world(), story.now(), story.Job(job)).sentences.front(), "done: its rank ended with code 0");
  EXPECT_EQ(PhaseAndWhy({.phase = JobPhase::failed, .why = "failed: x"}), "failed: x");
  EXPECT_EQ(PhaseAndWhy({.phase = JobPhase::running, .why = "x"}), "running: x");
}

}  // namespace
}  // namespace everstep
