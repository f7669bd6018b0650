#include "tests/story/story.h"

namespace everstep {
namespace {

TEST(Start, AJobIsPlacedPreparedStartedAndDone) {
  Story story({"n1", "n2", "n3"});
  const JobId train = story.Submit(Train(2));
  EXPECT_EQ(story.Told(),
            (Lines{"queued: needs 2 hosts, 3 fit", "placed on n1 and n2", "generation 1 starts: 2 ranks on 2 hosts"}));
  story.Pass(10min);
  story.AllRanksEnd(train, ExitCode(0));
  EXPECT_EQ(story.Told(), (Lines{"all 2 ranks ended with code 0", "n1 reported generation 1 empty",
                                 "n2 reported generation 1 empty", "done: all 2 ranks ended with code 0"}));
  EXPECT_EQ(story.Phase(train), JobPhase::done);
}

}  // namespace
}  // namespace everstep
